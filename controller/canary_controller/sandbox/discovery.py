"""Discovery: what the cluster serves, in the plain form (APIResourceList) and in the aggregated one that kubectl asks for."""

from collections.abc import Iterable, Mapping
from typing import Any

from canary_controller.sandbox.resources import ALL_VERBS, STATUS_VERBS, Registry, Resource

AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERSION = {
    "major": "1",
    "minor": "37",
    "gitVersion": "v1.37.2+canarykit",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}
# Resources that answer a question and store nothing: (group, version, kind, plural).
REVIEWS = (
    ("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews"),
    ("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
)


def api_versions() -> dict[str, Any]:
    """Return the answer to ``/api``."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def api_groups(registry: Registry) -> dict[str, Any]:
    """Return the answer to ``/apis``."""
    groups = [_group(name, versions) for name, versions in _versions_by_group(registry).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_group(registry: Registry, name: str) -> dict[str, Any] | None:
    """Return the answer to ``/apis/<group>``, or None when there is no such group."""
    versions = _versions_by_group(registry).get(name) if name else None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)} if versions else None


def api_resources(registry: Registry, group: str, version: str) -> dict[str, Any] | None:
    """Return the answer to ``/apis/<group>/<version>``, or None when it is not served."""
    listed: list[dict[str, Any]] = []
    for resource in registry.groups().get(group, {}).get(version, []):
        listed.extend(_plain(resource))
    listed.extend(
        _review(kind, plural) for at_group, at_version, kind, plural in REVIEWS if (at_group, at_version) == (group, version)
    )
    if not listed:
        return None
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": listed,
    }


def aggregated(registry: Registry, core: bool) -> dict[str, Any]:
    """Return the aggregated discovery of ``/api`` (core) or ``/apis``."""
    items = []
    for group, versions in _versions_by_group(registry).items():
        if (group == "") is not core:
            continue
        items.append(
            {
                "metadata": {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None},
                "versions": [
                    {"version": version, "freshness": "Current", "resources": _aggregated_resources(registry, group, version)}
                    for version in versions
                ],
            }
        )
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _versions_by_group(registry: Registry) -> dict[str, list[str]]:
    found = {group: list(versions) for group, versions in registry.groups().items()}
    for group, version, _, _ in REVIEWS:
        known = found.setdefault(group, [])
        if version not in known:
            known.append(version)
    return found


def _group(name: str, versions: Iterable[str]) -> dict[str, Any]:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _plain(resource: Resource) -> list[dict[str, Any]]:
    namespaced = resource.kind.namespaced
    whole: dict[str, Any] = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": namespaced,
        "kind": resource.kind.kind,
        "verbs": list(ALL_VERBS),
    }
    if resource.short_names:
        whole["shortNames"] = list(resource.short_names)
    if resource.categories:
        whole["categories"] = list(resource.categories)
    parts = [whole]
    for name, kind in _subresources(resource):
        part = {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": namespaced,
            "kind": kind["kind"],
            "verbs": list(STATUS_VERBS),
        }
        if name == "scale":
            part.update(group=kind["group"], version=kind["version"])
        parts.append(part)
    return parts


def _aggregated_resources(registry: Registry, group: str, version: str) -> list[dict[str, Any]]:
    listed = [_aggregated(resource) for resource in registry.groups().get(group, {}).get(version, [])]
    for at_group, at_version, kind, plural in REVIEWS:
        if (at_group, at_version) == (group, version):
            listed.append(
                {
                    "resource": plural,
                    "responseKind": {"group": group, "version": version, "kind": kind},
                    "scope": "Cluster",
                    "singularResource": kind.lower(),
                    "verbs": ["create"],
                }
            )
    return listed


def _aggregated(resource: Resource) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": _response_kind(resource),
        "scope": "Namespaced" if resource.kind.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(ALL_VERBS),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    subresources = [
        {"subresource": name, "responseKind": kind, "verbs": list(STATUS_VERBS)} for name, kind in _subresources(resource)
    ]
    if subresources:
        entry["subresources"] = subresources
    return entry


def _subresources(resource: Resource) -> list[tuple[str, Mapping[str, str]]]:
    found: list[tuple[str, Mapping[str, str]]] = []
    if resource.scale is not None:
        found.append(("scale", {"group": "autoscaling", "version": "v1", "kind": "Scale"}))
    if resource.has_status:
        found.append(("status", _response_kind(resource)))
    return found


def _response_kind(resource: Resource) -> dict[str, str]:
    return {"group": resource.group, "version": resource.kind.version, "kind": resource.kind.kind}


def _review(kind: str, plural: str) -> dict[str, Any]:
    return {"name": plural, "singularName": kind.lower(), "namespaced": False, "kind": kind, "verbs": ["create"]}
