"""CRDs of others that the embedded cluster serves. PLACEHOLDER by the lead until helper B2 delivers: keep the name third_party_crds()."""
from typing import Any


def third_party_crds() -> tuple[dict[str, Any], ...]:
    """Return the CustomResourceDefinitions of KEDA and of the Gateway API."""
    def crd(group: str, version: str, kind: str, plural: str) -> dict[str, Any]:
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}}]}}
    return (crd("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"), crd("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"))
