"""First room of the corridor: turn the objects around one Canary into one frozen Snapshot. No judgement is made here.

A `Snapshot` is all that one pass may see. What cannot be read at all never gets here: the caller raises `Unavailable`,
because unknown is neither absent nor unchanged.
"""

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from canarykit import configs, revisions
from canarykit.dicts import at
from canarykit.errors import Problem, SpecError
from canarykit.kinds import CANARY, CONTROLLER_REVISION, DEPLOYMENT, SERVICE
from canarykit.model import Ref
from canarykit.names import PRIMARY_SUFFIX, names_for, primary_of
from canarykit.problems import later_warnings, reference_problems
from canarykit.routers import router_for
from canarykit.scalers import scaler_for
from canarykit.settings import Settings
from canarykit.snapshot import CONFIG_KINDS, Objects, Snapshot
from canarykit.spec import load, validate
from canarykit.state import FORMAT, read_state
from canarykit.workloads import workload_for


def observe(objects: Objects, key: tuple[str, str], settings: Settings, now: float) -> Snapshot:
    """Return the snapshot of the Canary ``key`` (namespace, name) from ``objects``.

    Raises:
        KeyError: the Canary is not among the objects.
        Unavailable: a config that the pod template names could not be read.
    """
    manifest = objects[Ref.to(CANARY, *key)]
    canary = load(dict(manifest))
    spec = canary.spec
    scaler_name = spec.autoscaler_ref.name if spec.autoscaler_ref else ""
    names = names_for(key[0], key[1], spec.target_ref.name, spec.service.name, scaler_name)
    state = read_state(manifest, now)
    problems = [*validate(manifest, settings), *_of_another_time(state.format)]
    bare = Snapshot(canary, names, settings, state, objects, tuple(problems))
    if bare.errors:
        return bare
    try:
        return _with_rooms(bare, problems)
    except SpecError as error:
        return evolve(bare, problems=(*problems, error.problem))


def _of_another_time(status_format: int) -> list[Problem]:
    """A status that a newer version wrote is held, never overwritten (design.md section 3.3)."""
    if status_format <= FORMAT:
        return []
    advice = "Run the version that wrote it, or a newer one."
    return [
        Problem("status.rollout.format", "is newer than this version understands", status_format, advice, code="status-format")
    ]


def _with_rooms(bare: Snapshot, problems: list[Problem]) -> Snapshot:
    """Fill in what the side rooms say: router, workload, scaler, selector label, configs, revision."""
    spec, settings = bare.canary.spec, bare.settings
    snapshot = evolve(
        bare,
        router=router_for(spec.provider or settings.mesh_provider),
        workload=workload_for(spec.target_ref.kind),
        scaler=scaler_for(spec.autoscaler_ref.kind) if spec.autoscaler_ref else None,
    )
    standing = snapshot.target or snapshot.primary
    if standing is None or snapshot.workload is None:
        return snapshot
    label, value = snapshot.workload.select_label(standing, settings.selector_labels)
    if snapshot.target is None:
        return evolve(snapshot, label=label, label_value=value.removesuffix(PRIMARY_SUFFIX))
    template = snapshot.workload.template_of(snapshot.target)
    checksums: Mapping[str, str] = {}
    if settings.config_tracking:
        resolved = configs.resolve(configs.config_refs(at(template, "spec", default={})), bare.objects, bare.names.namespace)
        checksums = resolved.tracked
        problems += later_warnings(snapshot, resolved.problems)
    revision = _revision(snapshot, template, checksums)
    seen = evolve(snapshot, label=label, label_value=value, configs=checksums, revision=revision)
    return seen.with_problems((*problems, *reference_problems(seen)))


def _revision(snapshot: Snapshot, template: Mapping[str, Any], checksums: Mapping[str, str]) -> str:
    """Return the target's revision; a template that only gained new defaults of the API server is still the recorded one.

    Whether a field is a default is known from ``metadata.managedFields``, which a fresh read has and a cache has not; so a
    cache may call it new, and the fresh read that every such verdict needs puts it right (design.md section 3.2).
    """
    found = revisions.revision_of(template, checksums)
    state = snapshot.state
    for known in (state.attempted, state.promoted):
        recorded = snapshot.recorded(known)
        if not recorded or known == found or at(recorded, "data", "form"):
            continue
        kept = revisions.template_in(recorded)
        same_configs = revisions.revision_of(kept, checksums) == known
        owners = at(snapshot.target, "metadata", "managedFields")
        if same_configs and revisions.only_defaults_added(kept, template, owners):
            return known
    return found


def references(manifest: Mapping[str, Any], settings: Settings) -> tuple[Ref, ...]:
    """Return every object that a Canary names, itself first: what a controller must watch and read for it."""
    canary = load(dict(manifest))
    spec = canary.spec
    scaler_name = spec.autoscaler_ref.name if spec.autoscaler_ref else ""
    names = names_for(canary.namespace, canary.name, spec.target_ref.name, spec.service.name, scaler_name)
    space = names.namespace
    refs = [Ref.to(CANARY, space, names.canary)]
    refs += [Ref.to(DEPLOYMENT, space, name) for name in (names.target, names.primary)]
    refs += [Ref.to(SERVICE, space, name) for name in (names.apex, names.apex_primary, names.apex_canary)]
    try:
        if spec.autoscaler_ref:
            kind = scaler_for(spec.autoscaler_ref.kind).kind
            refs += [Ref.to(kind, space, names.source_scaler), Ref.to(kind, space, names.primary_scaler)]
        refs += router_for(spec.provider or settings.mesh_provider).refs(canary, names)
    except SpecError:
        pass  # an unknown name is reported by validate; there is nothing to watch for it
    state = read_state(manifest, 0.0)
    kept = {state.pin, state.promoted, state.previous, state.attempted} - {""}
    refs += [Ref.to(CONTROLLER_REVISION, space, revisions.revision_name(names.canary, each)) for each in sorted(kept)]
    return tuple(refs)


def more_references(objects: Objects, key: tuple[str, str]) -> tuple[Ref, ...]:
    """Return the ConfigMaps and Secrets that the pod templates among ``objects`` name, and their primary copies."""
    found: set[Ref] = set()
    for ref, manifest in objects.items():
        if ref.kind != DEPLOYMENT.kind or ref.namespace != key[0]:
            continue
        for config in configs.config_refs(at(manifest, "spec", "template", "spec", default={})):
            kind = CONFIG_KINDS[config.kind]
            found |= {Ref.to(kind, key[0], config.name), Ref.to(kind, key[0], primary_of(config.name))}
    return tuple(sorted(found))
