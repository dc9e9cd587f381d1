"""The two kinds that a Canary refers to, as classes: MetricTemplate (what to ask, and whom) and AlertProvider (whom to tell)."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from canarykit.dicts import at
from canarykit.errors import Problem
from canarykit.spec.convert import read_as, text_or_empty
from canarykit.spec.fields import api

METRIC_PROVIDERS = (
    "prometheus",
    "influxdb",
    "datadog",
    "externalmetrics",
    "stackdriver",
    "cloudwatch",
    "newrelic",
    "graphite",
    "dynatrace",
    "keptn",
    "splunk",
)
ALERT_PROVIDERS = ("slack", "msteams", "discord", "rocket", "gchat")


@frozen
class SecretRef:
    """Names a Secret in the namespace of the object that refers to it."""

    name: str = field(default="", metadata=api("Name of the Secret.", required=True))


@frozen
class MetricProvider:
    """Whom a MetricTemplate asks."""

    type: str = field(default="", metadata=api("Kind of metrics server.", required=True, enum=list(METRIC_PROVIDERS)))
    address: str = field(default="", metadata=api("Base URL of the metrics server."))
    headers: Mapping[str, tuple[str, ...]] = field(factory=dict, metadata=api("Headers to send (Prometheus only)."))
    secret_ref: SecretRef | None = field(default=None, metadata=api("Secret with the credentials."))
    region: str = field(default="", metadata=api("Region (CloudWatch only)."))
    insecure_skip_verify: bool = field(default=False, metadata=api("Accept any certificate."))


@frozen
class MetricTemplateSpec:
    """``spec`` of a MetricTemplate; ``query`` is the text with template variables."""

    provider: MetricProvider = field(default=MetricProvider(), metadata=api("The metrics server.", required=True))
    query: str = field(default="", metadata=api("The query; may hold template variables.", required=True))


@frozen
class AlertProviderSpec:
    """``spec`` of an AlertProvider. An empty channel or user name is ``general`` and ``flagger``."""

    type: str = field(default="", metadata=api("Kind of receiver.", required=True, enum=list(ALERT_PROVIDERS)))
    channel: str = field(default="", metadata=api("Channel to post in, general when omitted."))
    username: str = field(default="", metadata=api("Name to post under, flagger when omitted."))
    address: str = field(default="", metadata=api("URL to post to."))
    proxy: str = field(default="", metadata=api("HTTP proxy."))
    secret_ref: SecretRef | None = field(default=None, metadata=api("Secret with address and token."))


@frozen
class MetricTemplate:
    """One MetricTemplate; ``manifest`` is the object as it was given, ``problems`` what had the wrong type in it."""

    name: str
    namespace: str
    spec: MetricTemplateSpec
    manifest: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()


@frozen
class AlertProvider:
    """One AlertProvider; ``manifest`` is the object as it was given, ``problems`` what had the wrong type in it."""

    name: str
    namespace: str
    spec: AlertProviderSpec
    manifest: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()


def load_metric_template(manifest: Mapping[str, Any]) -> MetricTemplate:
    """Return the MetricTemplate that ``manifest`` is. Never raises; see `convert.load`."""
    spec, problems = read_as(MetricTemplateSpec, at(manifest, "spec", default={}), "spec")
    return MetricTemplate(*_identity(manifest), spec, manifest, problems)


def load_alert_provider(manifest: Mapping[str, Any]) -> AlertProvider:
    """Return the AlertProvider that ``manifest`` is. Never raises; see `convert.load`."""
    spec, problems = read_as(AlertProviderSpec, at(manifest, "spec", default={}), "spec")
    return AlertProvider(*_identity(manifest), spec, manifest, problems)


def _identity(manifest: Mapping[str, Any]) -> tuple[str, str]:
    return text_or_empty(at(manifest, "metadata", "name")), text_or_empty(at(manifest, "metadata", "namespace"))
