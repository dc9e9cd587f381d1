"""keda.sh/v1alpha1 as of KEDA 2.20: ScaledObject, TriggerAuthentication and ClusterTriggerAuthentication.

Source: KEDA documentation, "ScaledObject specification"; cloning.md sections 4.2 and 4.12.
"""

from typing import Any

from canary_controller.sandbox.crds.schemas import (
    AGE,
    Definition,
    Schema,
    anything,
    choice,
    condition_column,
    flag,
    number,
    record,
    several,
    text,
    texts,
)

_GROUP = "keda.sh"
_SCALED_OBJECT = Definition(
    _GROUP,
    "ScaledObject",
    "scaledobjects",
    ("v1alpha1",),
    columns=(
        ("ScaleTargetKind", ".status.scaleTargetKind"),
        ("ScaleTargetName", ".spec.scaleTargetRef.name"),
        ("Min", ".spec.minReplicaCount", "integer"),
        ("Max", ".spec.maxReplicaCount", "integer"),
        condition_column("Ready"),
        condition_column("Active"),
        condition_column("Fallback"),
        condition_column("Paused"),
        ("Triggers", ".status.triggersTypes"),
        ("Authentications", ".status.authenticationsTypes"),
        AGE,
    ),
    short_names=("so",),
)
_AUTHENTICATION = Definition(
    _GROUP,
    "TriggerAuthentication",
    "triggerauthentications",
    ("v1alpha1",),
    columns=(
        ("PodIdentity", ".spec.podIdentity.provider"),
        ("Secret", ".spec.secretTargetRef[*].name"),
        ("Env", ".spec.env[*].name"),
        ("VaultAddress", ".spec.hashiCorpVault.address"),
        AGE,
    ),
    short_names=("ta", "triggerauth"),
)
_CLUSTER_AUTHENTICATION = Definition(
    _GROUP,
    "ClusterTriggerAuthentication",
    "clustertriggerauthentications",
    ("v1alpha1",),
    columns=_AUTHENTICATION.columns,
    short_names=("cta", "clustertriggerauth"),
    cluster_wide=True,
)


def crds() -> tuple[dict[str, Any], ...]:
    """Return the three CustomResourceDefinitions."""
    authentication, used_by = _authentication_spec(), record({"scaledobjects": text(), "scaledjobs": text()})
    return (
        _SCALED_OBJECT.crd(_scaled_object_spec(), _scaled_object_status()),
        _AUTHENTICATION.crd(authentication, used_by),
        _CLUSTER_AUTHENTICATION.crd(authentication, used_by),
    )


def _scaled_object_spec() -> Schema:
    target = {"name": text(), "apiVersion": text(), "kind": text(), "envSourceContainerName": text()}
    behaviors = ("static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower", "scalingModifiers")
    fallback = {"failureThreshold": number(), "replicas": number(), "behavior": choice(*behaviors, default="static")}
    fields = {
        "scaleTargetRef": record(target, "name"),
        "pollingInterval": number(1),
        "initialCooldownPeriod": number(0),
        "cooldownPeriod": number(0),
        "idleReplicaCount": number(0),
        "minReplicaCount": number(0),
        "maxReplicaCount": number(1),
        "advanced": _advanced(),
        "triggers": several(_trigger(), minItems=1),
        "fallback": record(fallback, "failureThreshold", "replicas"),
    }
    return record(fields, "scaleTargetRef", "triggers")


def _trigger() -> Schema:
    reference = {"name": text(), "kind": text()}
    fields = {
        "type": text(),
        "name": text(),
        "useCachedMetrics": flag(),
        "metricType": text(),
        "metadata": texts(),
        "authenticationRef": record(reference, "name"),
    }
    return record(fields, "type", "metadata")


def _advanced() -> Schema:
    modifiers = {
        "formula": text(),
        "target": text(),
        "activationTarget": text(),
        "metricType": choice("AverageValue", "Value"),
    }
    return record({
        "restoreToOriginalReplicaCount": flag(),
        "horizontalPodAutoscalerConfig": record({"name": text(), "behavior": _behavior()}),
        "scalingModifiers": record(modifiers),
    })  # fmt: skip


def _behavior() -> Schema:
    """The behavior of autoscaling/v2; KEDA hands it to the HPA that it makes."""
    policy = {"type": text(), "value": number(), "periodSeconds": number()}
    rules = record({
        "policies": several(record(policy, "type", "value", "periodSeconds"), **{"x-kubernetes-list-type": "atomic"}),
        "selectPolicy": text(),
        "stabilizationWindowSeconds": number(),
        "tolerance": {"x-kubernetes-int-or-string": True},
    })  # fmt: skip
    return record({"scaleUp": rules, "scaleDown": rules})


def _scaled_object_status() -> Schema:
    condition = {
        "type": text(),
        "status": text(),
        "reason": text(),
        "message": text(),
    }
    health = {"numberOfFailures": number(), "status": text()}
    kind = {"group": text(), "version": text(), "kind": text(), "resource": text()}
    activity = {"isActive": flag()}
    return record({
        "authenticationsTypes": text(),
        "compositeScalerName": text(),
        "conditions": several(record(condition, "type", "status")),
        "externalMetricNames": several(text()),
        "health": {"type": "object", "additionalProperties": record(health)},
        "hpaName": text(),
        "lastActiveTime": text(format="date-time"),
        "originalReplicaCount": number(),
        "pausedReplicaCount": number(),
        "resourceMetricNames": several(text()),
        "scaleTargetGVKR": record(kind, *kind),
        "scaleTargetKind": text(),
        "triggersActivity": {"type": "object", "additionalProperties": record(activity)},
        "triggersTypes": text(),
    })  # fmt: skip


def _authentication_spec() -> Schema:
    """What a rollout may read; the many secret stores are kept as they are."""
    from_object = several(record({"parameter": text(), "name": text(), "key": text()}, "parameter", "name", "key"))
    from_container = several(record({"parameter": text(), "name": text(), "containerName": text()}, "parameter", "name"))
    declared = record({
        "podIdentity": {**record({"provider": text(), "identityOwner": choice("keda", "workload")}, "provider"), **anything()},
        "secretTargetRef": from_object,
        "configMapTargetRef": from_object,
        "env": from_container,
    })  # fmt: skip
    return {**declared, "x-kubernetes-preserve-unknown-fields": True}
