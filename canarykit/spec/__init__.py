"""The API as classes: Canary, MetricTemplate, AlertProvider; reading, checking and writing them, and their CRDs.

Walk: the classes (`canary`, `service`, `analysis`, `templates`), `convert` (manifest to class and back), `validate`
(what is wrong with one), `durations` (Go's number formats), `crd` (what the API server is told).
"""

from canarykit.spec.analysis import (
    Alert,
    Analysis,
    CrossNamespaceRef,
    Metric,
    SessionAffinity,
    ThresholdRange,
    Webhook,
)
from canarykit.spec.canary import AutoscalerRef, Canary, CanarySpec, ScalerReplicas, TargetRef
from canarykit.spec.convert import load, unstructure
from canarykit.spec.service import Metadata, Service, UnmanagedMetadata
from canarykit.spec.validate import parse, validate

__all__ = [
    "Alert",
    "Analysis",
    "AutoscalerRef",
    "Canary",
    "CanarySpec",
    "CrossNamespaceRef",
    "Metadata",
    "Metric",
    "ScalerReplicas",
    "Service",
    "SessionAffinity",
    "TargetRef",
    "ThresholdRange",
    "UnmanagedMetadata",
    "Webhook",
    "load",
    "parse",
    "unstructure",
    "validate",
]
