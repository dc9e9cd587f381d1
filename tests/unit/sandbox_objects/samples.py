"""Objects to patch, apply and spoil, and a generator of Deployments for the laws."""

import copy
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

NOW = 1_700_000_000.0
LATER = NOW + 60
STAMP, LATER_STAMP = "2023-11-14T22:13:20Z", "2023-11-14T22:14:20Z"
REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=80)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
JSON_MAPS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


def a_deployment(**spec: Any) -> dict[str, Any]:
    """Return a sound Deployment as a person writes it; ``spec`` replaces fields of its spec (None drops one)."""
    container = {"name": "web", "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}]}
    fields = {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
        **copy.deepcopy(spec),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {name: value for name, value in fields.items() if value is not None},
    }


def containers(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the containers of a workload's template, to be changed in place by the test that owns the manifest."""
    found: list[dict[str, Any]] = manifest["spec"]["template"]["spec"]["containers"]
    return found


def a_service(**spec: Any) -> dict[str, Any]:
    """Return a sound Service; ``spec`` replaces fields of its spec."""
    fields = {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": fields}


def an_autoscaler(**spec: Any) -> dict[str, Any]:
    """Return a sound HorizontalPodAutoscaler; ``spec`` replaces fields of its spec."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 4, **spec},
    }


_NAMES = st.sampled_from(["a", "b", "c"])


def _unique(items: st.SearchStrategy[dict[str, Any]], key: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(items, max_size=3, unique_by=lambda item: item[key])


_VARIABLES = _unique(st.fixed_dictionaries({"name": _NAMES}, optional={"value": _NAMES}), "name")
_PORTS = _unique(st.fixed_dictionaries({"containerPort": st.integers(80, 82)}, optional={"name": _NAMES}), "containerPort")
_CONTAINERS = _unique(
    st.fixed_dictionaries(
        {"name": _NAMES, "image": _NAMES}, optional={"env": _VARIABLES, "ports": _PORTS, "args": st.lists(_NAMES)}
    ),
    "name",
)


@st.composite
def deployments(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a Deployment that differs from others in labels, replicas, strategy and containers."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": draw(_CONTAINERS.filter(bool))}}
    manifest = a_deployment(replicas=draw(st.none() | st.integers(0, 3)), template=template)
    manifest["metadata"]["labels"] = draw(st.dictionaries(_NAMES, _NAMES, max_size=3))
    if draw(st.booleans()):
        manifest["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": draw(st.integers(1, 3))}}
    return manifest
