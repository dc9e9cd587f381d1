"""In which form an answer goes out: whole objects, metadata only, or a table, as the Accept header asks."""

from collections.abc import Callable, Iterable
from typing import Any

from attrs import frozen

from canary_controller.sandbox import status_errors as errors
from canary_controller.sandbox.reads import Page
from canary_controller.sandbox.request import Request
from canary_controller.sandbox.resources import Resource
from canary_controller.sandbox.store import Manifest
from canary_controller.sandbox.table import columns_of, row

WHOLE, METADATA, TABLE = "", "PartialObjectMetadata", "Table"
JSON = "application/json"
_OFFERED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


@frozen
class MediaType:
    """One entry of an Accept header."""

    name: str
    parameters: dict[str, str]


def accepted(header: str) -> list[MediaType]:
    """Return the media types of an Accept header in the order in which they stand; an empty header means anything."""
    found = []
    for entry in header.split(",") if header.strip() else ["*/*"]:
        name, *rest = (part.strip() for part in entry.split(";"))
        parameters = dict(part.partition("=")[::2] for part in rest)
        found.append(MediaType(name.lower(), parameters))
    return found


@frozen
class Form:
    """How to show objects of one resource. ``include`` is the `includeObject` option of tables."""

    resource: Resource
    kind: str
    version: str
    include: str
    now: Callable[[], float]

    @property
    def content_type(self) -> str:
        """The Content-Type of an answer in this form."""
        return JSON

    def one(self, manifest: Manifest) -> dict[str, Any]:
        """Return one object."""
        if self.kind == TABLE:
            return self._table([manifest], {"resourceVersion": manifest["metadata"].get("resourceVersion", "")})
        return self._metadata_only(manifest) if self.kind == METADATA else manifest

    def page(self, page: Page) -> dict[str, Any]:
        """Return a list."""
        if self.kind == TABLE:
            return self._table(page.items, page.metadata)
        if self.kind == METADATA:
            items = [self._metadata_only(manifest) for manifest in page.items]
            return {
                "kind": "PartialObjectMetadataList",
                "apiVersion": f"meta.k8s.io/{self.version}",
                "metadata": page.metadata,
                "items": items,
            }
        whole = [listed(self.resource, manifest) for manifest in page.items]
        metadata = list_metadata(self.resource, page.metadata)
        kind = self.resource.kind
        return {"kind": self.resource.list_kind, "apiVersion": kind.api_version, "metadata": metadata, "items": whole}

    def event(self, manifest: Manifest, first: bool) -> dict[str, Any]:
        """Return the object of a watch event; only the first table of a watch has headers."""
        shown = self.one(manifest)
        return shown if first or self.kind != TABLE else {**shown, "columnDefinitions": None}

    def bookmark(self, version: int, initial_events_end: bool) -> dict[str, Any]:
        """Return the object of a BOOKMARK event."""
        metadata: dict[str, Any] = {"resourceVersion": str(version)}
        if initial_events_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        kind = self.resource.kind
        empty = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
        if self.kind == TABLE:
            table = self._table([], {"resourceVersion": str(version)})
            return {**table, "columnDefinitions": None, "rows": [{"cells": None, "object": self._partial(metadata)}]}
        return self._metadata_only(empty) if self.kind == METADATA else empty

    def _table(self, manifests: Iterable[Manifest], metadata: dict[str, Any]) -> dict[str, Any]:
        now = self.now()
        rows = []
        for manifest in manifests:
            cells: dict[str, Any] = {"cells": row(self.resource, manifest, now)}
            if self.include == "Object":
                cells["object"] = manifest
            elif self.include != "None":
                cells["object"] = self._metadata_only(manifest)
            rows.append(cells)
        return {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{self.version}",
            "metadata": metadata,
            "columnDefinitions": columns_of(self.resource),
            "rows": rows,
        }

    def _metadata_only(self, manifest: Manifest) -> dict[str, Any]:
        return self._partial(manifest["metadata"])

    def _partial(self, metadata: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{self.version}", "metadata": metadata}


def form_of(request: Request, resource: Resource, now: Callable[[], float]) -> Form:
    """Return the first form in Accept that we can write; raises StatusError 406 when there is none."""
    for media_type in accepted(request.headers.get("accept", "")):
        if media_type.name not in (JSON, "application/*", "*/*"):
            continue
        kind = media_type.parameters.get("as", "").removesuffix("List")
        version = media_type.parameters.get("v", "v1")
        if kind and (kind not in (TABLE, METADATA) or media_type.parameters.get("g") != "meta.k8s.io"):
            continue
        if version in ("v1", "v1beta1"):
            return Form(resource, kind, version, request.query.get("includeObject", "Metadata"), now)
    raise errors.not_acceptable(_OFFERED, resource.custom)


def listed(resource: Resource, manifest: Manifest) -> Manifest:
    """Return an object as a list shows it: items of custom resources carry their kind, those of built-ins do not."""
    if resource.custom:
        return resource.served(manifest)
    return {name: value for name, value in manifest.items() if name not in ("kind", "apiVersion")}


def list_metadata(resource: Resource, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a list: those of custom resources always have a continue token, if only an empty one."""
    return {"continue": "", **metadata} if resource.custom else metadata
