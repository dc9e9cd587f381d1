"""OpenAPI v3: enough for ``kubectl explain``, for the check whether fields are validated by the server, and for applies.

Custom resources show the schema of their CRD. Built-in kinds are open objects here: the sandbox does not know all their fields.
No document claims strategic merge patches, so kubectl uses the merge keys that are compiled into it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from canary_controller.sandbox.resources import Registry, Resource
from canarykit.dicts import digest

_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_OPTIONS = ("dryRun", "fieldManager", "fieldValidation", "force")
_PATCH_TYPES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")


def index(registry: Registry) -> dict[str, Any]:
    """Return the answer to ``/openapi/v3``: where the document of each group and version is."""
    paths = {}
    for group, versions in registry.groups().items():
        for version in versions:
            place = _root(group, version)
            mark = digest(document(registry, group, version))
            paths[place] = {"serverRelativeURL": f"/openapi/v3/{place}?hash={mark.upper()}"}
    return {"paths": paths}


def document(registry: Registry, group: str, version: str) -> dict[str, Any] | None:
    """Return the OpenAPI document of one group and version, or None when it is not served."""
    resources = registry.groups().get(group, {}).get(version)
    if not resources:
        return None
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {_META: {"type": "object", "description": "Metadata that all objects have."}}
    for resource in resources:
        paths.update(_paths(resource))
        schemas[_schema_name(resource)] = _schema(resource)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.37.2"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _root(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _schema_name(resource: Resource) -> str:
    turned = ".".join(reversed(resource.group.split("."))) if resource.custom else f"io.k8s.api.{resource.group or 'core'}"
    return f"{turned}.{resource.kind.version}.{resource.kind.kind}"


def _schema(resource: Resource) -> dict[str, Any]:
    identity = [_identity(resource)]
    if not resource.custom:
        properties = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": _meta_reference()}
        return {**_ANYTHING, "properties": properties, "x-kubernetes-group-version-kind": identity}
    schema = dict(resource.schema or _ANYTHING)
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        **(schema.get("properties") or {}),
        "metadata": _meta_reference(),
    }
    return {**schema, "properties": properties, "x-kubernetes-group-version-kind": identity}


def _meta_reference() -> dict[str, Any]:
    return {"allOf": [{"$ref": f"#/components/schemas/{_META}"}], "default": {}}


def _identity(resource: Resource) -> dict[str, str]:
    return {"group": resource.group, "kind": resource.kind.kind, "version": resource.kind.version}


def _paths(resource: Resource) -> dict[str, Any]:
    root = f"/{_root(resource.group, resource.kind.version)}"
    scope = "/namespaces/{namespace}" if resource.kind.namespaced else ""
    collection = f"{root}{scope}/{resource.plural}"
    paths = {
        collection: {
            "get": _operation(resource, "list"),
            "post": _operation(resource, "post", body=("application/json",)),
        },
        f"{collection}/{{name}}": {
            "get": _operation(resource, "get"),
            "put": _operation(resource, "put", body=("application/json",)),
            "patch": _operation(resource, "patch", body=_PATCH_TYPES),
            "delete": _operation(resource, "delete"),
        },
    }
    if resource.has_status:
        paths[f"{collection}/{{name}}/status"] = {
            "get": _operation(resource, "get"),
            "patch": _operation(resource, "patch", body=_PATCH_TYPES),
        }
    return paths


def _operation(resource: Resource, action: str, body: Iterable[str] = ()) -> dict[str, Any]:
    reference: Mapping[str, Any] = {"schema": {"$ref": f"#/components/schemas/{_schema_name(resource)}"}}
    operation: dict[str, Any] = {
        "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _identity(resource),
    }
    if content := {media_type: reference for media_type in body}:
        operation["requestBody"] = {"content": content}
        operation["parameters"] = [
            {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for name in _OPTIONS
        ]
    return operation
