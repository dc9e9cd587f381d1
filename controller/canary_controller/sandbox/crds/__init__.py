"""The CRDs of other projects that the embedded cluster serves, written by us from their public API references.

They hold what rollouts touch; a field of theirs that is missing here would be pruned, so open parts keep unknown fields.
"""

from typing import Any

from canary_controller.sandbox.crds import gateway, keda


def third_party_crds() -> tuple[dict[str, Any], ...]:
    """Return the CustomResourceDefinitions (apiextensions.k8s.io/v1) of KEDA and of the Gateway API."""
    return (*keda.crds(), *gateway.crds())
