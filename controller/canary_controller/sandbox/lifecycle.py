"""What follows by itself from a write: CRDs become served, and what is being deleted takes its contents along.

A real cluster has controllers for this (namespaces, apiextensions, the foreground half of garbage collection). Here they act at
once, inside the write, so that every reader sees the outcome. Collecting orphans in the background is a world model, not ours.
"""

from typing import Any

from canary_controller.sandbox.resources import Registry
from canary_controller.sandbox.store import DELETED, FOREGROUND, Change, Key, Manifest, Store, timestamp
from canarykit.dicts import at
from canarykit.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE

CRD_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_NAMESPACES = (NAMESPACE.group, NAMESPACE.plural)
_CRDS = (CUSTOM_RESOURCE_DEFINITION.group, CUSTOM_RESOURCE_DEFINITION.plural)


class Lifecycle:
    """Follows the store and keeps the registry of served resources."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._ending: dict[Key, None] = {}
        store.subscribe(self._after)

    def _after(self, change: Change) -> None:
        if change.key[:2] == _CRDS:
            self._serve(change)
        if change.type == DELETED:
            self._ending.pop(change.key, None)
            self._finish_what_waits()
        elif at(change.manifest, "metadata", "deletionTimestamp") and change.key not in self._ending and self._ends(change):
            self._ending[change.key] = None
            for key in self._contents(change.key, change.manifest):
                self._delete(key, change.manifest)
            self._finish_what_waits()

    def _serve(self, change: Change) -> None:
        if change.type == DELETED:
            self._registry.remove(change.manifest)
            return
        self._registry.install(change.manifest)
        status = crd_status(change.manifest, self._store.now())
        current = self._store.get(change.key)
        if current is not None and current.get("status") != status:
            self._store.replace(change.key, {**current, "status": status})

    def _ends(self, change: Change) -> bool:
        """Tell whether the deletion of this object waits for its contents."""
        finalizers = at(change.manifest, "metadata", "finalizers", default=[])
        return change.key[:2] == _NAMESPACES or FOREGROUND in finalizers or CRD_FINALIZER in finalizers

    def _contents(self, key: Key, manifest: Manifest) -> list[Key]:
        if key[:2] == _NAMESPACES:
            return self._store.all_keys(key.name)
        if key[:2] == _CRDS:
            place = (manifest["spec"]["group"], manifest["spec"]["names"]["plural"])
            return [each for each in self._store.all_keys() if each[:2] == place]
        return dependents(self._store, at(manifest, "metadata", "uid"))

    def _delete(self, key: Key, owner: Manifest) -> None:
        manifest = self._store.get(key)
        if manifest is None or at(manifest, "metadata", "deletionTimestamp"):
            return
        # Dependents that hold up their owner are deleted in the foreground too, so that the order is leaves first.
        cascades = _blocks(manifest, at(owner, "metadata", "uid")) and dependents(self._store, at(manifest, "metadata", "uid"))
        self._store.delete(key, finalizer=FOREGROUND if cascades else "")

    def _finish_what_waits(self) -> None:
        for key in tuple(self._ending):
            manifest = self._store.get(key)
            if manifest is not None and not self._still_held(key, manifest):
                self._ending.pop(key, None)
                self._store.replace(key, _released(key, manifest))

    def _still_held(self, key: Key, manifest: Manifest) -> bool:
        left = self._contents(key, manifest)
        if key[:2] in (_NAMESPACES, _CRDS):
            return bool(left)
        uid = at(manifest, "metadata", "uid")
        return any(_blocks(found, uid) for each in left if (found := self._store.get(each)) is not None)


def dependents(store: Store, uid: str) -> list[Key]:
    """Return the keys of all objects that name this uid as an owner."""
    return [key for key in store.all_keys() if any(owner.get("uid") == uid for owner in _owners(store.get(key)))]


def orphan(store: Store, uid: str) -> None:
    """Remove this owner from all its dependents, as ``propagationPolicy: Orphan`` asks."""
    for key in dependents(store, uid):
        manifest = store.fetch(key)
        metadata = dict(manifest["metadata"])
        owners = [owner for owner in _owners(manifest) if owner.get("uid") != uid]
        if owners:
            metadata["ownerReferences"] = owners
        else:
            del metadata["ownerReferences"]
        store.replace(key, {**manifest, "metadata": metadata})


def crd_status(crd: Manifest, now: float) -> dict[str, Any]:
    """Return the status of an accepted CustomResourceDefinition; times of conditions that hold already stay."""
    known = {condition["type"]: condition for condition in at(crd, "status", "conditions", default=[])}
    conditions = []
    for type_, reason, message in (
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ):
        fresh = {
            "type": type_,
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": timestamp(now),
        }
        conditions.append(known.get(type_, fresh))
    stored = at(crd, "status", "storedVersions", default=[])
    storage = [version["name"] for version in crd["spec"]["versions"] if version.get("storage")]
    return {
        "conditions": conditions,
        "acceptedNames": crd["spec"]["names"],
        "storedVersions": [*stored, *(name for name in storage if name not in stored)],
    }


def _owners(manifest: Manifest | None) -> list[dict[str, Any]]:
    owners: list[dict[str, Any]] = at(manifest, "metadata", "ownerReferences", default=[])
    return owners


def _blocks(manifest: Manifest, uid: str) -> bool:
    return any(owner.get("uid") == uid and owner.get("blockOwnerDeletion") for owner in _owners(manifest))


def _released(key: Key, manifest: Manifest) -> Manifest:
    if key[:2] == _NAMESPACES:
        return {**manifest, "spec": {**at(manifest, "spec", default={}), "finalizers": []}}
    kept = [name for name in at(manifest, "metadata", "finalizers", default=[]) if name not in (FOREGROUND, CRD_FINALIZER)]
    return {**manifest, "metadata": {**manifest["metadata"], "finalizers": kept}}
