"""What a custom resource becomes under its CRD's structural schema: unknown fields pruned, defaults added, values checked.

Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions" (pruning, defaulting, nullable).
"""

import copy
from collections.abc import Mapping
from typing import Any

from canary_controller.sandbox.objects.causes import Cause
from canary_controller.sandbox.objects.schema_validation import value_causes
from canarykit.dicts import at

Schema = Mapping[str, Any]
_IDENTITY = ("apiVersion", "kind", "metadata")
_METADATA = frozenset({
    "annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
    "generation", "labels", "managedFields", "name", "namespace", "ownerReferences", "resourceVersion", "selfLink", "uid",
})  # fmt: skip


def process(manifest: Mapping[str, Any], schema: Schema) -> tuple[dict[str, Any], list[Cause]]:
    """Return the manifest as it would be stored under ``schema``, and what is wrong with it (then it may not be stored).

    ``schema`` is ``spec.versions[].schema.openAPIV3Schema``. Metadata is not checked, but for unknown names in it. CEL rules are
    not evaluated (see `cel`).
    """
    identity = {name: manifest[name] for name in _IDENTITY if name in manifest}
    if isinstance(identity.get("metadata"), Mapping):
        identity["metadata"] = {name: value for name, value in identity["metadata"].items() if name in _METADATA}
    body = {name: value for name, value in manifest.items() if name not in _IDENTITY}
    complete = _with_defaults(_pruned(body, schema), schema)
    causes = list(value_causes(complete, _body_schema(schema), ""))
    return {**identity, **complete}, causes


def _body_schema(schema: Schema) -> Schema:
    """The schema without apiVersion, kind and metadata, which are there whatever it says."""
    properties = {name: inner for name, inner in at(schema, "properties", default={}).items() if name not in _IDENTITY}
    needed = [name for name in at(schema, "required", default=[]) if name not in _IDENTITY]
    return {**schema, "properties": properties, "required": needed}


def _inner(schema: Schema, name: str) -> Schema | None:
    """The schema of a member: of its property or of all others; None where nothing is declared."""
    declared = at(schema, "properties", name)
    if isinstance(declared, Mapping):
        return declared
    extra = schema.get("additionalProperties")
    return extra if isinstance(extra, Mapping) else None


def _keeps_unknown(schema: Schema) -> bool:
    return bool(schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("additionalProperties"))


def _is_embedded(schema: Schema, name: str) -> bool:
    """Tell whether a member is the identity of a whole object inside the object, which no schema need declare."""
    return bool(schema.get("x-kubernetes-embedded-resource")) and name in _IDENTITY


def _pruned(value: Any, schema: Schema) -> Any:
    """Drop what the schema does not declare, and nulls where it allows none (a default may then take their place)."""
    if isinstance(value, Mapping):
        kept = {}
        for name, member in value.items():
            inner = _inner(schema, name)
            if inner is not None:
                if member is not None or inner.get("nullable") or inner.get("x-kubernetes-preserve-unknown-fields"):
                    kept[name] = _pruned(member, inner)
            elif _keeps_unknown(schema) or _is_embedded(schema, name):
                kept[name] = copy.deepcopy(member)
        return kept
    if isinstance(value, list):
        items = schema.get("items")
        return [_pruned(item, items) for item in value] if isinstance(items, Mapping) else copy.deepcopy(value)
    return value


def _with_defaults(value: Any, schema: Schema) -> Any:
    if isinstance(value, Mapping):
        complete = {name: _with_defaults(member, _inner(schema, name) or {}) for name, member in value.items()}
        for name, inner in at(schema, "properties", default={}).items():
            if name not in complete and "default" in inner:
                complete[name] = _with_defaults(copy.deepcopy(inner["default"]), inner)
        return complete
    if isinstance(value, list):
        items = at(schema, "items", default={})
        return [_with_defaults(item, items) for item in value]
    return value
