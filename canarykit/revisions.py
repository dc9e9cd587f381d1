"""Revisions: the hash of what counts, the ControllerRevision that keeps it, and whether a difference is only new defaults.

Source: design.md section 3.2. No config data is ever kept here, since many may read ControllerRevisions who may not read Secrets.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from canarykit.dicts import Manifest, at, digest, pruned
from canarykit.kinds import CONTROLLER_REVISION
from canarykit.metadata import owner_reference
from canarykit.names import CANARY_LABEL, REVISION_ANNOTATION, Names

FORMAT = "ck1-"
LABEL_LENGTH = 63
FORM_TARGET = "target"
FORM_PRIMARY = "primary"
ROOT = ("f:spec", "f:template")


def revision_of(template: Manifest, config_checksums: Mapping[str, str]) -> str:
    """Return the revision of a pod template and its tracked configs: ``ck1-`` and 16 hex digits.

    Null, empty maps and empty lists count as absent, and the order of keys does not matter.

    Args:
        template: ``spec.template`` of the workload.
        config_checksums: by reference key (``configmap/<name>``), as `canarykit.configs.resolve` gives them.
    """
    return FORMAT + digest(pruned({"template": template, "configs": dict(config_checksums)}))


def revision_name(canary: str, revision: str) -> str:
    """Return the name of the ControllerRevision that keeps ``revision``: ``<canary>-<hash>``."""
    return f"{canary}-{revision.removeprefix(FORMAT)}"


def controller_revision(
    canary: Manifest,
    names: Names,
    revision: str,
    template: Manifest,
    configs: Mapping[str, str],
    number: int,
    form: str = FORM_TARGET,
) -> dict[str, Any]:
    """Return the ControllerRevision that keeps a revision: its template, and keys and checksums of its configs.

    Args:
        canary: manifest of the Canary, which becomes the controller.
        names: of the Canary.
        revision: what `revision_of` gave; it is also kept as an annotation.
        template: the target's pod template as it was (``FORM_TARGET``), or what an adopted primary ran (``FORM_PRIMARY``).
        configs: reference key to checksum; never data.
        number: rises with every revision of this Canary, from 1.
        form: ``FORM_PRIMARY`` adds ``data.form``: such a template is used for the primary as it stands.
    """
    form_note = {} if form == FORM_TARGET else {"form": form}
    return {
        "apiVersion": CONTROLLER_REVISION.api_version,
        "kind": CONTROLLER_REVISION.kind,
        "metadata": {
            "name": revision_name(names.canary, revision),
            "namespace": names.namespace,
            "labels": {CANARY_LABEL: canary_label(names.canary)},
            "annotations": {REVISION_ANNOTATION: revision},
            "ownerReferences": [owner_reference(canary)],
        },
        "data": {"template": dict(template), "configs": dict(sorted(configs.items())), **form_note},
        "revision": number,
    }


def canary_label(canary: str) -> str:
    """Return the value of our label for a Canary: its name, shortened to what a label can hold by a digest at the end."""
    return canary if len(canary) <= LABEL_LENGTH else f"{canary[: LABEL_LENGTH - 17]}-{digest(canary)}"


def template_in(recorded: Manifest) -> dict[str, Any]:
    """Return the pod template that a ControllerRevision keeps."""
    return dict(recorded["data"]["template"])


def only_defaults_added(recorded: Manifest, observed: Manifest, managed_fields: Sequence[Manifest] | None) -> bool:
    """Tell whether a template differs from the recorded one only by fields that nobody wrote: new defaults of the API server.

    Args:
        recorded: the template as it was kept.
        observed: the target's template now.
        managed_fields: ``metadata.managedFields`` of the target, from one fresh read; without any the answer is False.

    Returns:
        True if every difference is an added field that no managedFields entry owns. Changed values, removed fields and
        list elements more or less are somebody's doing.
    """
    if not managed_fields:
        return False
    trees = (at(entry, "fieldsV1", *ROOT) for entry in managed_fields)
    return _only_added(pruned(recorded), pruned(observed), [tree for tree in trees if tree is not None])


def _only_added(before: Any, now: Any, owners: list[Mapping[str, Any]]) -> bool:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        if before.keys() - now.keys():
            return False
        return all(
            _only_added(before[key], member, _below(owners, f"f:{key}")) if key in before else not _is_owned(owners, f"f:{key}")
            for key, member in now.items()
        )
    if isinstance(before, list) and isinstance(now, list):
        same_length = len(before) == len(now)
        return same_length and all(_only_added(old, new, _element(owners, new)) for old, new in zip(before, now, strict=True))
    return bool(before == now)


def _is_owned(owners: Iterable[Mapping[str, Any]], step: str) -> bool:
    """A field is owned if an entry names it, or ends above it: a leaf of fieldsV1 owns all that is below."""
    return any(step in owner or not owner for owner in owners)


def _below(owners: Iterable[Mapping[str, Any]], step: str) -> list[Mapping[str, Any]]:
    """The entries one step further down; a leaf goes along, since it owns all that is below."""
    return [owner.get(step, owner) for owner in owners if step in owner or not owner]


def _element(owners: Iterable[Mapping[str, Any]], element: Any) -> list[Mapping[str, Any]]:
    """The entries of one list element: those whose key (``k:{"name":"app"}``) says nothing else than the element does."""
    found: list[Mapping[str, Any]] = []
    for owner in owners:
        if not owner:
            found.append(owner)
        found += [tree for step, tree in owner.items() if step.startswith("k:") and _is_key_of(step[2:], element)]
    return found


def _is_key_of(text: str, element: Any) -> bool:
    keys = json.loads(text)
    return isinstance(element, Mapping) and all(element.get(key) == value for key, value in keys.items())
