"""Plan, part: the revisions kept as ControllerRevisions, and the removal of what is no longer needed."""

from canarykit import phases
from canarykit.dicts import at
from canarykit.kinds import CONTROLLER_REVISION
from canarykit.model import CREATE, DELETE, Action, Ref
from canarykit.revisions import FORM_PRIMARY, FORM_TARGET, controller_revision, revision_name
from canarykit.scalers import SCALERS, prune
from canarykit.snapshot import Snapshot
from canarykit.writing import controlled_by, owner_action, version_of


def kept_revisions(snapshot: Snapshot) -> set[str]:
    """Return the revisions whose templates may still be needed: pin, promoted, the one before, and the attempted one."""
    state = snapshot.state
    return {state.pin, state.promoted, state.previous, state.attempted} - {""}


def record_actions(snapshot: Snapshot) -> list[Action]:
    """Keep the template of the pin and of the attempted revision, while the target still has it."""
    state = snapshot.state
    needed = {state.pin, state.attempted if state.phase in phases.ACTIVE else ""} - {""}
    actions = []
    number = max((at(each, "revision", default=0) for each in _ours(snapshot).values()), default=0) + 1
    for revision in sorted(needed):
        recorded = snapshot.recorded(revision)
        if recorded is not None:
            owned = owner_action(recorded, snapshot.owner)
            actions += [owned] if owned else []
            continue
        template, form = snapshot.template(revision), FORM_TARGET
        if template is None and snapshot.primary and snapshot.workload and revision == snapshot.adopted_revision:
            template, form = snapshot.workload.template_of(snapshot.primary), FORM_PRIMARY
        if template is None:
            continue
        checksums = snapshot.recorded_configs(revision)
        manifest = controller_revision(snapshot.canary.manifest, snapshot.names, revision, template, checksums, number, form)
        actions.append(Action(CREATE, Ref.of(manifest), manifest, None, "", f"keep the template of {revision}"))
    return actions


def prune_actions(snapshot: Snapshot) -> list[Action]:
    """Remove ControllerRevisions that nothing can need any more, and primary scalers that an edited reference left behind."""
    keep = {revision_name(snapshot.names.canary, revision) for revision in kept_revisions(snapshot)}
    actions = [
        Action(DELETE, ref, None, version_of(manifest), "", "this revision is neither promoted nor attempted any more")
        for ref, manifest in sorted(_ours(snapshot).items())
        if ref.name not in keep
    ]
    return actions + _old_scalers(snapshot)


def _old_scalers(snapshot: Snapshot) -> list[Action]:
    kinds = {(scaler.kind.group, scaler.kind.kind) for scaler in SCALERS.values()}
    present = {ref: manifest for ref, manifest in snapshot.objects.items() if (ref.group, ref.kind) in kinds}
    scaler = snapshot.scaler
    wanted = Ref.to(scaler.kind, snapshot.names.namespace, snapshot.names.primary_scaler) if scaler else None
    return [
        Action(DELETE, ref, None, version_of(present[ref]), "", "the Canary does not name this scaler any more")
        for ref in prune(present, wanted, snapshot.uid, snapshot.names.primary)
    ]


def _ours(snapshot: Snapshot) -> dict[Ref, dict[str, object]]:
    return {
        ref: dict(manifest)
        for ref, manifest in snapshot.objects.items()
        if ref.kind == CONTROLLER_REVISION.kind and controlled_by(manifest, snapshot.uid)
    }
