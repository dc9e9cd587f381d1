"""Labels, annotations and owner references of the objects we generate: what is copied from a source, and whose an object is.

Source: cloning.md section 1.0.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from canarykit.dicts import Manifest, at
from canarykit.kinds import CANARY
from canarykit.names import primary_of

TOOLKIT = "toolkit.fluxcd.io"
OURS = "canarykit.dev/"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
DEPLOYMENT_CONTROLLER = "deployment.kubernetes.io/"
EVERYTHING = "*"


def owner_reference(canary: Manifest) -> dict[str, Any]:
    """Return the controller reference to a Canary that every generated object carries.

    Args:
        canary: the Canary's manifest; a missing uid (a Canary that is not stored yet) gives an empty one.

    Source: cloning.md section 1.0, routers.md section 2.2.
    """
    return {
        "apiVersion": CANARY.api_version,
        "kind": CANARY.kind,
        "name": canary["metadata"]["name"],
        "uid": at(canary, "metadata", "uid", default=""),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(manifest: Manifest) -> Mapping[str, Any] | None:
    """Return the owner reference with ``controller: true``, or None when nobody controls the object."""
    references = at(manifest, "metadata", "ownerReferences", default=())
    return next((reference for reference in references if reference.get("controller")), None)


def is_reference_to(reference: Manifest, canary_name: str) -> bool:
    """Tell whether an owner reference names the Canary ``canary_name``, of whatever uid: re-created, it is the same to users."""
    group = str(reference.get("apiVersion", "")).rpartition("/")[0]
    return (group, reference.get("kind"), reference.get("name")) == (CANARY.group, CANARY.kind, canary_name)


def is_ours(manifest: Manifest, canary_name: str) -> bool:
    """Tell whether the Canary ``canary_name`` of the same namespace controls the object (D16: others are not touched)."""
    reference = controller_of(manifest)
    return reference is not None and is_reference_to(reference, canary_name)


def keep_all(given: Mapping[str, str] | None) -> dict[str, str]:
    """Return all labels or annotations but those that belong to the source alone.

    Left out: keys of the Flux toolkit, kubectl's last-applied text, those of the Deployment controller (D1), and our own marks.
    """
    return {key: text for key, text in (given or {}).items() if not _stays_with_source(key)}


def by_prefix(given: Mapping[str, str] | None, prefixes: Iterable[str]) -> dict[str, str]:
    """Return those members of `keep_all` whose key starts with one of ``prefixes``; ``*`` is all, an empty prefix none.

    Source: cloning.md section 1.0; the prefixes are ``Settings.include_label_prefixes``.
    """
    wanted = tuple(prefix for prefix in prefixes if prefix)
    if EVERYTHING in wanted:
        return keep_all(given)
    return {key: text for key, text in keep_all(given).items() if key.startswith(wanted)}


def primary_labels(given: Mapping[str, str] | None, label: str, value: str) -> dict[str, str]:
    """Return ``given`` (already filtered as the place wants) as labels of the primary: ``label`` becomes ``<value>-primary``."""
    return {**keep_all(given), label: primary_of(value)}


def _stays_with_source(key: str) -> bool:
    return TOOLKIT in key or key == LAST_APPLIED or key.startswith((DEPLOYMENT_CONTROLLER, OURS))
