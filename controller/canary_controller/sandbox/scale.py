"""The scale subresource: a Scale object as a view of the few fields of a workload (or custom resource) that mean its size."""

from typing import Any

from canary_controller.sandbox import status_errors as errors
from canary_controller.sandbox.objects import causes
from canary_controller.sandbox.resources import Resource, ScalePaths
from canary_controller.sandbox.store import Manifest
from canarykit.dicts import at, put

_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(resource: Resource, manifest: Manifest) -> dict[str, Any]:
    """Return the ``autoscaling/v1`` Scale of an object."""
    paths = resource.scale or ScalePaths()
    status: dict[str, Any] = {"replicas": at(manifest, *_path(paths.status_replicas), default=0)}
    if selector := _selector(resource, manifest, paths):
        status["selector"] = selector
    metadata = at(manifest, "metadata", default={})
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in _METADATA if name in metadata},
        "spec": {"replicas": at(manifest, *_path(paths.spec_replicas), default=0)},
        "status": status,
    }


def scaled(resource: Resource, manifest: Manifest, scale: Manifest) -> Manifest:
    """Return the object with the size that a Scale asks for; raises StatusError 422 for a negative one."""
    replicas = at(scale, "spec", "replicas", default=0)
    if not isinstance(replicas, int) or replicas < 0:
        cause = causes.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise errors.invalid("autoscaling", "Scale", manifest["metadata"]["name"], [cause])
    paths = resource.scale or ScalePaths()
    changed = put(manifest, _path(paths.spec_replicas), replicas)
    version = at(scale, "metadata", "resourceVersion")
    return put(changed, ("metadata", "resourceVersion"), version) if version else changed


def selector_text(selector: Any) -> str:
    """Return a LabelSelector as people and query strings write it: ``app=podinfo,tier in (a,b)``."""
    parts = [f"{key}={value}" for key, value in sorted(at(selector, "matchLabels", default={}).items())]
    for rule in at(selector, "matchExpressions", default=[]):
        values = ",".join(sorted(rule.get("values") or ()))
        parts.append(
            {
                "In": f"{rule['key']} in ({values})",
                "NotIn": f"{rule['key']} notin ({values})",
                "Exists": rule["key"],
                "DoesNotExist": f"!{rule['key']}",
            }[rule["operator"]]
        )
    return ",".join(parts)


def _selector(resource: Resource, manifest: Manifest, paths: ScalePaths) -> str:
    if not resource.custom:
        return selector_text(at(manifest, "spec", "selector", default={}))
    return str(at(manifest, *_path(paths.selector), default="")) if paths.selector else ""


def _path(text: str) -> tuple[str, ...]:
    return tuple(text.strip(".").split("."))
