"""The CustomResourceDefinitions of the three kinds: Flagger's group, version, names, columns and checks, and our own fields.

Every object stored for Flagger is valid here. Two rules are wider than Flagger's: parts that are shaped like other APIs keep
all that they hold, and an AlertProvider may have both an address and a Secret, as Flagger's documents show it.

Source: api.md sections 0, 2.1, 2.6 and 5.1; design.md section 3.3 for ``status.rollout``.
"""

from typing import Any

from canarykit.kinds import ALERT_PROVIDER, CANARY, CUSTOM_RESOURCE_DEFINITION, METRIC_TEMPLATE, Kind
from canarykit.spec.canary import CanarySpec
from canarykit.spec.crd_schema import schema_of
from canarykit.spec.templates import AlertProviderSpec, MetricTemplateSpec

PHASES = (
    "",
    "Initializing",
    "Initialized",
    "Waiting",
    "Progressing",
    "WaitingPromotion",
    "Promoting",
    "Finalising",
    "Succeeded",
    "Failed",
    "Terminating",
    "Terminated",
)

Schema = dict[str, Any]

_CANARY_COLUMNS = (
    ("Status", "string", ".status.phase", 0),
    ("Weight", "string", ".status.canaryWeight", 0),
    ("Suspended", "boolean", ".spec.suspend", 1),
    ("FailedChecks", "string", ".status.failedChecks", 1),
    ("Interval", "string", ".spec.analysis.interval", 1),
    ("Mirror", "boolean", ".spec.analysis.mirror", 1),
    ("StepWeight", "string", ".spec.analysis.stepWeight", 1),
    ("StepWeights", "string", ".spec.analysis.stepWeights", 1),
    ("MaxWeight", "string", ".spec.analysis.maxWeight", 1),
    ("LastTransitionTime", "string", ".status.lastTransitionTime", 0),
)


def crds() -> tuple[Schema, Schema, Schema]:
    """Return the CustomResourceDefinition manifests of Canary, MetricTemplate and AlertProvider, fresh each time."""
    canary = _definition(CANARY, {"spec": _canary_spec(), "status": _canary_status()}, _CANARY_COLUMNS)
    template = {"spec": schema_of(MetricTemplateSpec, "What to ask, and whom.")}
    template_columns = (("Provider", "string", ".spec.provider.type", 0),)
    # A provider says where to post in one way at least; Flagger's CRD refuses both together.
    somewhere = [{"required": ["address"]}, {"required": ["secretRef"]}]
    provider = {"spec": {**schema_of(AlertProviderSpec, "Whom to tell, and where."), "anyOf": somewhere}}
    provider_columns = (("Type", "string", ".spec.type", 0),)
    return (
        canary,
        _definition(METRIC_TEMPLATE, template, template_columns),
        _definition(ALERT_PROVIDER, provider, provider_columns),
    )


def _definition(kind: Kind, properties: Schema, columns: tuple[tuple[str, str, str, int], ...]) -> Schema:
    schema = {
        "description": f"{kind.kind} of progressive delivery.",
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            **properties,
        },
    }
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(*column) for column in columns],
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": CUSTOM_RESOURCE_DEFINITION.api_version,
        "kind": CUSTOM_RESOURCE_DEFINITION.kind,
        # Helm must not remove the definitions, and with them every Canary, on uninstall.
        "metadata": {"name": f"{kind.plural}.{kind.group}", "annotations": {"helm.sh/resource-policy": "keep"}},
        "spec": {
            "group": kind.group,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "categories": ["all"],
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _column(name: str, kind: str, path: str, priority: int) -> Schema:
    shown = {"name": name, "type": kind, "jsonPath": path}
    return {**shown, "priority": priority} if priority else shown


def _canary_spec() -> Schema:
    spec = schema_of(CanarySpec, "What to release and how.")
    analysis = spec["properties"]["analysis"]
    # Exactly one way to move on; written as a choice of required keys, which therefore are not required beside it.
    needed = analysis.pop("required")
    analysis["oneOf"] = [{"required": [*needed, way]} for way in ("iterations", "stepWeight", "stepWeights")]
    return spec


def _canary_status() -> Schema:
    time = {"type": "string", "format": "date-time"}
    text, number = {"type": "string"}, {"type": "number"}
    condition = {
        "type": "object",
        "required": ["type", "status", "reason"],
        "properties": {
            "type": {**text, "description": "Promoted, or Accepted."},
            "status": text,
            "reason": text,
            "message": text,
            "lastUpdateTime": time,
            "lastTransitionTime": time,
        },
    }
    rollout = {
        "description": "What the controller remembers of the rollout; its form is named by format.",
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"format": {"type": "integer"}},
    }
    return {
        "description": "Where the release stands; written by the controller only.",
        "type": "object",
        "properties": {
            "phase": {**text, "enum": list(PHASES)},
            "failedChecks": number,
            "canaryWeight": number,
            "iterations": number,
            "trackedConfigs": {"type": "object", "additionalProperties": text},
            "lastAppliedSpec": text,
            "lastPromotedSpec": text,
            "lastTransitionTime": time,
            "sessionAffinityCookie": text,
            "previousSessionAffinityCookie": text,
            "primarySessionAffinityCookie": text,
            "observedGeneration": {"type": "integer", "format": "int64"},
            "conditions": {"type": "array", "items": condition},
            "rollout": rollout,
        },
    }
