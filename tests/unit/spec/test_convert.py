"""Manifests to classes and back."""

import copy
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from canarykit.settings import Settings
from canarykit.spec import Metric, ThresholdRange, load, unstructure, validate
from canarykit.spec.convert import type_problems
from canarykit.spec.templates import load_alert_provider, load_metric_template
from unit.spec.samples import ABSENT, REPEATABLE, a_canary, tutorial

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(leaf for key, member in members for leaf in _leaves(member, (*path, key)))]


def _full() -> dict[str, Any]:
    """A Canary with something in every kind of field, so that a mutation can land anywhere."""
    return a_canary(
        "gatewayapi:v1",
        metricsServer="http://prometheus:9090",
        service__gateways=["mesh"],
        service__match=[{"uri": {"prefix": "/"}}],
        service__apex={"labels": {"a": "b"}},
        service__unmanagedMetadata={"labels": ["x"]},
        analysis__stepWeights=[1, 2, 50],
        analysis__alerts=[{"name": "a", "severity": "warn", "providerRef": {"name": "p"}}],
        analysis__sessionAffinity={"cookieName": "c"},
        analysis__drainTime="5s",
    )


PLACES = _leaves(_full()["spec"])


def test_tutorial_is_read_word_for_word() -> None:
    canary = load(tutorial()["Canary"])
    spec = canary.spec
    assert (canary.namespace, canary.name, canary.uid) == ("test", "podinfo", "")
    assert (spec.provider, spec.target_ref.kind, spec.target_ref.name) == ("kubernetes", "Deployment", "podinfo")
    assert spec.autoscaler_ref is not None
    assert spec.autoscaler_ref.primary_scaler_replicas is not None
    assert spec.autoscaler_ref.primary_scaler_replicas.min_replicas == 2
    assert dict(spec.autoscaler_ref.primary_scaler_queries or {}) == {
        "prom-trigger": 'sum(rate(http_requests_total{ app="podinfo-primary" }[30s]))'
    }
    assert (spec.service.name, spec.service.port, spec.service.target_port) == ("podinfo-svc", 80, 9898)
    assert spec.service.port_discovery
    assert (spec.analysis.interval_s, spec.analysis.failures_allowed, spec.analysis.iterations) == (15.0, 5, 5)
    assert spec.analysis.metrics == (
        Metric("request-success-rate", "1m", threshold_range=ThresholdRange(min=99)),
        Metric("request-duration", "30s", threshold_range=ThresholdRange(max=500)),
    )
    hook = spec.analysis.webhooks[0]
    assert (hook.type, hook.timeout_s, hook.metadata["type"]) == ("rollout", 5.0, "cmd")
    assert spec.progress_deadline_seconds == 60


def test_what_is_not_given_has_the_documented_default() -> None:
    spec = load(
        {"metadata": {"name": "bare"}, "spec": {"autoscalerRef": {}, "analysis": {"webhooks": [{}], "alerts": [{}]}}}
    ).spec
    assert (spec.provider, spec.metrics_server, spec.progress_deadline_seconds) == (None, None, 600)
    assert (spec.skip_analysis, spec.suspend, spec.revert_on_deletion) == (False, False, False)
    assert (spec.service.name, spec.service.port, spec.service.port_name, spec.service.target_port) == ("", 0, "http", None)
    analysis = spec.analysis
    assert (analysis.interval_s, analysis.failures_allowed, analysis.drain_time_s) == (60.0, 1, None)
    assert (analysis.primary_ready_threshold, analysis.canary_ready_threshold) == (100, 100)
    assert (analysis.max_weight, analysis.step_weight, analysis.step_weights, analysis.iterations) == (0, 0, (), 0)
    assert (analysis.webhooks[0].type, analysis.webhooks[0].timeout_s, analysis.webhooks[0].retries) == ("rollout", 10.0, 0)
    assert analysis.alerts[0].severity == "info"
    assert spec.autoscaler_ref is not None
    assert (spec.autoscaler_ref.query_rewrite, spec.autoscaler_ref.primary_scaler_sync) == ("strict", "overrides")
    assert spec.autoscaler_ref.primary_scaler_queries is None


@pytest.mark.parametrize(
    ("written", "read"), [(0, None), ("0", None), (None, None), (9898, 9898), ("http", "http"), (8080.0, 8080)]
)
def test_target_port_zero_means_not_given(written: Any, read: Any) -> None:
    assert load(a_canary(service__targetPort=written)).spec.service.target_port == read


def test_zero_values_that_flagger_leaves_behind_count_as_not_given() -> None:
    canary = load(
        a_canary(
            service__portName="",
            analysis__webhooks=[{"name": "a", "url": "http://a", "type": "", "muteAlert": False}],
            analysis__sessionAffinity={"cookieName": "c", "maxAge": 0},
            autoscalerRef__primaryScalerQueries=None,
        )
    )
    assert canary.spec.service.port_name == "http"
    assert canary.spec.analysis.webhooks[0].type == "rollout"
    assert canary.spec.analysis.session_affinity is not None
    assert canary.spec.analysis.session_affinity.max_age == 86400
    assert canary.spec.autoscaler_ref is not None
    assert canary.spec.autoscaler_ref.primary_scaler_queries is None


def test_empty_queries_are_not_the_same_as_none() -> None:
    reference = load(a_canary(autoscalerRef__primaryScalerQueries={})).spec.autoscaler_ref
    assert reference is not None
    assert reference.primary_scaler_queries == {}


def test_names_that_are_not_plain_camel_case_are_read() -> None:
    hook = load(a_canary(analysis__webhooks=[{"name": "a", "url": "https://a", "disableTLS": True}])).spec.analysis.webhooks[0]
    assert hook.disable_tls


def test_drain_time_and_interval_fall_back_when_unreadable() -> None:
    analysis = load(a_canary(analysis__drainTime="soon", analysis__interval="1min")).spec.analysis
    assert (analysis.drain_time_s, analysis.interval_s) == (None, 60.0)
    assert load(a_canary(analysis__drainTime="1m30s")).spec.analysis.drain_time_s == 90


@pytest.mark.parametrize(
    ("path", "value", "where", "must"),
    [
        ("service__port", 80.5, "spec.service.port", "must be a whole number"),
        ("service__port", True, "spec.service.port", "must be a whole number"),
        ("service", [], "spec.service", "must be an object"),
        ("suspend", "yes", "spec.suspend", "must be true or false"),
        ("analysis__interval", 15, "spec.analysis.interval", "must be text"),
        ("analysis__stepWeights", [1, "x"], "spec.analysis.stepWeights[1]", "must be a whole number"),
        ("analysis__stepWeights", "12", "spec.analysis.stepWeights", "must be a list"),
        ("analysis__metrics__0__thresholdRange__min", "99", "spec.analysis.metrics[0].thresholdRange.min", "must be a number"),
        ("analysis__metrics__1", 7, "spec.analysis.metrics[1]", "must be an object"),
        ("analysis__webhooks__0__metadata__n", 3, "spec.analysis.webhooks[0].metadata.n", "must be text"),
        ("service__rewrite", "x", "spec.service.rewrite", "must be an object"),
    ],
)
def test_wrong_type_counts_as_not_given_and_is_named(path: str, value: Any, where: str, must: str) -> None:
    manifest = a_canary(**{path: value})
    problem = next(each for each in type_problems(manifest) if each.path == where)
    found = value[1] if where.endswith("stepWeights[1]") else value
    assert (problem.problem, problem.value, problem.severity) == (must, found, "error")
    assert problem.next_step
    assert load(manifest).spec.target_ref.name == "podinfo"


def test_wrong_values_do_not_hide_each_other() -> None:
    manifest = a_canary(service__port="x", analysis__threshold="y", suspend=1)
    assert {problem.path for problem in type_problems(manifest)} == {
        "spec.service.port",
        "spec.analysis.threshold",
        "spec.suspend",
    }


def test_wrong_elements_take_their_list_along_once() -> None:
    manifest = a_canary(analysis__metrics=[7, {"name": 5}, {"name": "errors"}])
    assert {problem.path for problem in type_problems(manifest)} == {"spec.analysis.metrics[0]", "spec.analysis.metrics[1].name"}
    assert load(manifest).spec.analysis.metrics == ()


def test_whole_numbers_may_be_written_as_floats() -> None:
    analysis = load(a_canary(analysis__iterations=5.0)).spec.analysis
    assert analysis.iterations == 5
    assert isinstance(analysis.iterations, int)


@REPEATABLE
@given(JSON, JSON)
def test_load_never_raises_on_any_spec(spec: Any, metadata: Any) -> None:
    manifest = {"metadata": metadata, "spec": spec}
    before = copy.deepcopy(manifest)
    load(manifest)
    validate(manifest, Settings())
    assert repr(manifest) == repr(before)


@REPEATABLE
@given(st.sampled_from([place for place in PLACES if place]), JSON, st.sampled_from(["kubernetes", "gatewayapi:v1"]))
def test_load_and_validate_survive_any_value_anywhere(place: tuple[str | int, ...], value: Any, provider: str) -> None:
    manifest = _full()
    manifest["spec"]["provider"] = provider
    here = manifest["spec"]
    for key in place[:-1]:
        here = here[key]
    here[place[-1]] = value
    load(manifest)
    validate(manifest, Settings())
    unstructure(load(manifest))


@pytest.mark.parametrize("manifest", [_full(), tutorial()["Canary"], {"metadata": {"name": "a"}}, {}])
def test_round_trip_gives_the_manifest_back(manifest: dict[str, Any]) -> None:
    assert unstructure(load(manifest)) == manifest


def test_unstructure_changes_what_was_evolved_and_keeps_what_it_does_not_know() -> None:
    manifest = a_canary(service__novelty={"x": 1}, invention=True, analysis__threshold=5)
    canary = load(manifest)
    service = evolve(canary.spec.service, port=81, port_discovery=False)
    analysis = evolve(canary.spec.analysis, step_weights=(10, 50), iterations=0)
    changed = unstructure(
        evolve(canary, name="other", spec=evolve(canary.spec, service=service, analysis=analysis, autoscaler_ref=None))
    )
    wanted = a_canary(
        service__novelty={"x": 1},
        invention=True,
        service__port=81,
        service__portDiscovery=ABSENT,
        analysis__iterations=ABSENT,
        autoscalerRef=ABSENT,
        analysis__stepWeights=[10, 50],
    )
    wanted["metadata"]["name"] = "other"
    assert {**changed, "spec": {**changed["spec"], "analysis": None}} == {**wanted, "spec": {**wanted["spec"], "analysis": None}}
    assert changed["spec"]["analysis"]["stepWeights"] == [10, 50]
    assert "iterations" not in changed["spec"]["analysis"]
    assert manifest["spec"]["service"]["port"] == 80


def test_changed_list_is_written_as_plain_lists_and_maps() -> None:
    canary = load(a_canary())
    hook = evolve(canary.spec.analysis.webhooks[0], disable_tls=True, timeout="")
    changed = unstructure(evolve(canary, spec=evolve(canary.spec, analysis=evolve(canary.spec.analysis, webhooks=(hook,)))))
    assert changed["spec"]["analysis"]["webhooks"] == [
        {"name": "load-test", "url": hook.url, "disableTLS": True, "metadata": dict(hook.metadata)}
    ]


def test_metric_template_and_alert_provider_are_read_as_tolerantly() -> None:
    template = load_metric_template(
        {
            "metadata": {"name": "latency", "namespace": "test"},
            "spec": {
                "query": "up",
                "provider": {
                    "type": "prometheus",
                    "address": "http://p",
                    "headers": {"X": ["a", "b"]},
                    "insecureSkipVerify": True,
                },
            },
        }
    )
    assert (template.name, template.namespace, template.spec.query) == ("latency", "test", "up")
    assert template.spec.provider.headers == {"X": ("a", "b")}
    assert template.spec.provider.insecure_skip_verify
    assert template.problems == ()
    provider = load_alert_provider({"metadata": {}, "spec": {"type": "slack", "channel": 5, "secretRef": {"name": "s"}}})
    assert (provider.spec.type, provider.spec.channel) == ("slack", "")
    assert provider.spec.secret_ref is not None
    assert [problem.path for problem in provider.problems] == ["spec.channel"]
