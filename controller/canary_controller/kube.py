"""The only module that speaks to the Kubernetes API server: its verbs, over objects as dicts.

What carries them is the seam `Send`: `canary_controller.kube_client` for a real cluster, the embedded cluster's
``Api.send`` in memory. Deadlines, errors and bounded repetition of reads are those of `canary_controller.kube_wire`.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import quote, urlencode

from attrs import frozen

from canary_controller.clock import Clock
from canary_controller.kube_wire import JSON_TYPE, ApiError, Reply, Send, ServerUnavailable, Wire, error_of
from canarykit.dicts import at
from canarykit.errors import SpecError
from canarykit.kinds import Kind
from canarykit.model import Ref
from canarykit.names import FIELD_MANAGER

__all__ = ["ApiError", "Kube", "Listing", "Reply", "Send", "ServerUnavailable", "WatchEvent"]

MERGE_PATCH_TYPE = "application/merge-patch+json"
JSON_PATCH_TYPE = "application/json-patch+json"
APPLY_TYPE = "application/apply-patch+yaml"  # every JSON text is YAML
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA_ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PAGE = 500


@frozen
class Listing:
    """A whole collection as of ``resource_version``; every item carries its apiVersion and kind."""

    items: tuple[dict[str, Any], ...]
    resource_version: str


@frozen
class WatchEvent:
    """``type`` is ADDED, MODIFIED, DELETED or BOOKMARK; of a bookmark only ``object.metadata.resourceVersion`` counts."""

    type: str
    object: dict[str, Any]


class Kube:
    """Verbs over `Send`.

    Every call raises `ApiError` for a refusal, `Unavailable` when nothing usable comes back within ``deadline_s``, and
    SpecError for a name that no object can have.
    """

    def __init__(self, send: Send, clock: Clock, user_agent: str = FIELD_MANAGER, deadline_s: float = 15.0) -> None:
        self._wire = Wire(send, clock, user_agent, deadline_s)

    @property
    def skew_s(self) -> float | None:
        """The API server's clock minus ours in seconds, right to about a second; None before the first answer."""
        return self._wire.skew_s

    async def get(self, ref: Ref) -> dict[str, Any] | None:
        """Return the object as the API server's store has it now, or None if it, or its kind, does not exist."""
        try:
            return await self._wire.read(_path(ref))
        except ApiError as error:
            if error.is_not_found:
                return None
            raise

    async def list(
        self,
        kind: Kind,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        limit: int = PAGE,
    ) -> Listing:
        """Return all objects of a kind, fetched in pages of ``limit`` (0: one page).

        Args:
            metadata_only: ask for apiVersion, kind and metadata alone, so that the data of Secrets never gets here.

        Raises:
            ApiError: ``is_not_found`` if the cluster does not serve the kind.
        """
        selection = {"labelSelector": label_selector, "fieldSelector": field_selector}
        accept = METADATA_LIST if metadata_only else JSON_TYPE
        items: list[dict[str, Any]] = []
        token = ""
        while True:
            path = _collection(kind, namespace, **selection, limit=str(limit or ""), **{"continue": token})
            try:
                page = await self._wire.read(path, accept)
            except ApiError as error:
                if not (error.is_gone and token):
                    raise
                # The collection moved on under the pages for too long: all of it in one answer.
                items, token, limit = [], "", 0
                continue
            items += [_stamped(item, kind, metadata_only) for item in at(page, "items", default=())]
            token = at(page, "metadata", "continue", default="")
            if not token:
                return Listing(tuple(items), at(page, "metadata", "resourceVersion", default=""))

    async def watch(
        self,
        kind: Kind,
        namespace: str = "",
        resource_version: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        timeout_s: float = 1800.0,
        silence_s: float = 180.0,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Yield what happens after ``resource_version`` until the server ends the watch (at ``timeout_s`` at the latest).

        Bookmarks are asked for, and promised about every minute; ``silence_s`` without a byte raises Unavailable.

        Raises:
            ApiError: also for an ERROR event; ``is_gone`` means list again.
        """
        path = _collection(
            kind,
            namespace,
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=resource_version,
            timeoutSeconds=str(round(timeout_s)),
            labelSelector=label_selector,
            fieldSelector=field_selector,
        )
        accept = METADATA_ONE if metadata_only else JSON_TYPE
        async with aclosing(self._wire.stream(path, accept, silence_s)) as events:
            async for event in events:
                manifest = at(event, "object", default={})
                if event.get("type") == "ERROR":
                    raise error_of(int(at(manifest, "code", default=500)), manifest, "", {})
                yield WatchEvent(event.get("type", ""), _stamped(manifest, kind, metadata_only))

    async def create(self, manifest: Mapping[str, Any], dry_run: bool = False) -> dict[str, Any]:
        """Create the object and return it as stored (``dry_run``: as it would be)."""
        ref = Ref.of(manifest)
        _path(ref)
        path = _collection(ref.served, ref.namespace, **_write(dry_run))
        return await self._wire.write("POST", path, JSON_TYPE, manifest)

    async def apply(self, manifest: Mapping[str, Any], force: bool = True, dry_run: bool = False) -> dict[str, Any]:
        """Server-side apply as our field manager; creates what is absent. Returns the object as stored.

        A ``metadata.resourceVersion`` in the manifest is a precondition.
        """
        path = _path(Ref.of(manifest), **_write(dry_run), force="true" if force else "")
        return await self._wire.write("PATCH", path, APPLY_TYPE, manifest)

    async def merge_patch(
        self, ref: Ref, body: Mapping[str, Any], subresource: str = "", dry_run: bool = False
    ) -> dict[str, Any]:
        """Merge ``body`` into the object (or its ``status``) and return the object.

        A ``metadata.resourceVersion`` in the body is a precondition.
        """
        return await self._wire.write("PATCH", _path(ref, subresource, **_write(dry_run)), MERGE_PATCH_TYPE, body)

    async def json_patch(
        self, ref: Ref, ops: Sequence[Mapping[str, Any]], subresource: str = "", dry_run: bool = False
    ) -> dict[str, Any]:
        """Apply the operations of a JSON patch and return the object. A failed ``test`` is a 422, not a conflict."""
        return await self._wire.write("PATCH", _path(ref, subresource, **_write(dry_run)), JSON_PATCH_TYPE, ops)

    async def delete(
        self, ref: Ref, resource_version: str | None = None, uid: str | None = None, propagation: str = "Background"
    ) -> dict[str, Any] | None:
        """Delete the object if it still has that version and uid.

        Returns what is left of it while finalizers hold it, or None: it is gone, or was never there.
        """
        conditions = {"resourceVersion": resource_version, "uid": uid}
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            "preconditions": {name: value for name, value in conditions.items() if value},
        }
        try:
            left = await self._wire.write("DELETE", _path(ref), JSON_TYPE, options)
        except ApiError as error:
            if error.is_not_found:
                return None
            raise
        return left if at(left, "metadata", "finalizers") else None

    async def raw(self, path: str, accept: str = JSON_TYPE) -> dict[str, Any]:
        """Return the JSON document at ``path``: ``/version``, ``/openapi/v3/…``."""
        return await self._wire.read(path, accept)


def _stamped(item: dict[str, Any], kind: Kind, metadata_only: bool) -> dict[str, Any]:
    """Return an item with its apiVersion and kind, which lists leave out and metadata-only answers replace."""
    body = {"metadata": item.get("metadata", {})} if metadata_only else item
    return {**body, "apiVersion": kind.api_version, "kind": kind.kind}


def _write(dry_run: bool) -> dict[str, str]:
    return {"fieldManager": FIELD_MANAGER, "dryRun": "All" if dry_run else ""}


def _path(ref: Ref, subresource: str = "", **query: str) -> str:
    """Return the path of one object. Names come from users: none may lead out of its collection."""
    for path, part in (("metadata.name", ref.name), ("metadata.namespace", ref.namespace)):
        if part in (".", "..") or "/" in part or "%" in part or (not part and path == "metadata.name"):
            raise SpecError(path, "is not a name that an object can have", part, "Use letters, digits, '-' and '.'.")
    leaf = ref.served.path(quote(ref.namespace, safe=""), quote(ref.name, safe=""))
    return leaf + (f"/{subresource}" if subresource else "") + _query(query)


def _collection(kind: Kind, namespace: str, **query: str) -> str:
    return kind.path(quote(namespace, safe="")) + _query(query)


def _query(parameters: Mapping[str, str]) -> str:
    given = {name: value for name, value in parameters.items() if value}
    return f"?{urlencode(given)}" if given else ""
