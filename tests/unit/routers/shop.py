"""A Canary behind a Gateway, its names, and objects around it, as fresh objects."""

from typing import Any

from canarykit.model import Ref, Split
from canarykit.names import Names, names_for
from canarykit.routers import Router, router_for
from canarykit.spec import Canary, load

GATEWAY = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "namespace": "infra"}


def a_canary(**service: Any) -> Canary:
    """The sample Canary of routers.md section 3.2; ``service`` adds fields of spec.service in API spelling."""
    default = {"port": 8080, "targetPort": "web", "hosts": ["shop.example.org"], "gatewayRefs": [dict(GATEWAY)], "timeout": "4s"}
    return load(
        {
            "apiVersion": "flagger.app/v1beta1",
            "kind": "Canary",
            "metadata": {"name": "podinfo", "namespace": "test", "uid": "c0de"},
            "spec": {
                "provider": "gatewayapi:v1",
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
                "service": {key: value for key, value in {**default, **service}.items() if value is not None},
                "analysis": {"interval": "30s", "threshold": 3, "maxWeight": 60, "stepWeight": 15},
            },
        }
    )


def names_of(canary: Canary) -> Names:
    return names_for(canary.namespace, canary.name, canary.spec.target_ref.name, canary.spec.service.name)


def a_router() -> Router:
    return router_for("gatewayapi:v1")


def a_route(split: Split, canary: Canary | None = None) -> dict[str, Any]:
    canary = canary or a_canary()
    return a_router().desired(canary, names_of(canary), split)[0]


def in_world(*manifests: dict[str, Any]) -> dict[Ref, dict[str, Any]]:
    return {Ref.of(manifest): manifest for manifest in manifests}


def accepted(parent: dict[str, Any], generation: int, status: str = "True", controller: str = "example.com/gw") -> dict[str, Any]:
    """What a Gateway's controller writes to the status of a route."""
    condition = {"type": "Accepted", "status": status, "observedGeneration": generation, "reason": "NoMatchingParent"}
    return {"parentRef": parent, "controllerName": controller, "conditions": [condition]}
