"""Every rule of validation: what breaks it, where it says so, and what to do about it."""

from typing import Any

import pytest

from canarykit.errors import Problem, SpecError
from canarykit.settings import Settings
from canarykit.spec import parse, validate
from canarykit.spec.canary import PROVIDER_NAMES
from unit.spec.samples import ABSENT, a_canary, tutorial

GATEWAY = "gatewayapi:v1"
SETTINGS = Settings()


def problems(manifest: dict[str, Any], settings: Settings = SETTINGS) -> dict[str, Problem]:
    return {problem.path: problem for problem in validate(manifest, settings)}


def a_metric(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "errors", "query": "up", "thresholdRange": {"max": 1}, **fields}]


def a_hook(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "gate", "url": "http://gate/", **fields}]


def steps(**how: Any) -> dict[str, Any]:
    return {"analysis__iterations": ABSENT, **how}


def test_sound_canaries_have_no_problems() -> None:
    sound = [
        tutorial()["Canary"],
        a_canary(GATEWAY),
        a_canary(GATEWAY, **steps(analysis__stepWeight=5, analysis__maxWeight=50, analysis__stepWeightPromotion=50)),
        a_canary(GATEWAY, **steps(analysis__stepWeights=[1, 10, 120])),
        a_canary(analysis__metrics=a_metric(), analysis__webhooks=a_hook(type="confirm-rollout", timeout="1m30s")),
        a_canary(analysis__drainTime="1m", autoscalerRef__queryRewrite="text", autoscalerRef__primaryScalerSync="always"),
    ]
    assert [validate(manifest, SETTINGS) for manifest in sound] == [()] * len(sound)


# provider, changes, path, part of the problem, value, part of the next step
ERRORS: list[tuple[str, dict[str, Any], str, str, Any, str]] = [
    ("nginxx", {}, "spec.provider", "not a known name", "nginxx", "gatewayapi:v1, kubernetes"),
    ("istio", {}, "spec.provider", "not supported by this version", "istio", "gatewayapi:v1, kubernetes"),
    (
        "kubernetes",
        {"metricsServer": "prometheus:9090"},
        "spec.metricsServer",
        "not an http address",
        "prometheus:9090",
        "http://",
    ),
    ("kubernetes", {"targetRef": ABSENT}, "spec.targetRef", "is required", None, "Name the workload"),
    ("kubernetes", {"targetRef__kind": ABSENT}, "spec.targetRef.kind", "is required", None, "Deployment"),
    ("kubernetes", {"targetRef__kind": "Pod"}, "spec.targetRef.kind", "not a known name", "Pod", "Use one of: Deployment."),
    ("kubernetes", {"targetRef__kind": "DaemonSet"}, "spec.targetRef.kind", "not supported", "DaemonSet", "Deployment"),
    ("kubernetes", {"targetRef__name": ""}, "spec.targetRef.name", "is required", None, "Name the workload"),
    (
        "kubernetes",
        {"autoscalerRef__kind": "VPA"},
        "spec.autoscalerRef.kind",
        "not a known name",
        "VPA",
        "HorizontalPodAutoscaler, ScaledObject",
    ),
    ("kubernetes", {"autoscalerRef__kind": ABSENT}, "spec.autoscalerRef.kind", "is required", None, "ScaledObject"),
    ("kubernetes", {"autoscalerRef__name": ABSENT}, "spec.autoscalerRef.name", "is required", None, "Name the scaler"),
    (
        "kubernetes",
        {"autoscalerRef__queryRewrite": "fuzzy"},
        "spec.autoscalerRef.queryRewrite",
        "not a known name",
        "fuzzy",
        "strict, text",
    ),
    (
        "kubernetes",
        {"autoscalerRef__primaryScalerSync": "never"},
        "spec.autoscalerRef.primaryScalerSync",
        "not a known name",
        "never",
        "always, onPromotion, overrides",
    ),
    (
        "kubernetes",
        {"autoscalerRef__primaryScalerReplicas__minReplicas": 6},
        "spec.autoscalerRef.primaryScalerReplicas.minReplicas",
        "is above maxReplicas (5)",
        6,
        "Lower minReplicas",
    ),
    (
        "kubernetes",
        {"autoscalerRef__primaryScalerReplicas__minReplicas": 0},
        "spec.autoscalerRef.primaryScalerReplicas.minReplicas",
        "at least 1",
        0,
        "pod",
    ),
    ("kubernetes", {"service": ABSENT}, "spec.service", "is required", None, "service.port"),
    ("kubernetes", {"service__port": ABSENT}, "spec.service.port", "is required", None, "1 to 65535"),
    ("kubernetes", {"service__port": 0}, "spec.service.port", "from 1 to 65535", 0, "port"),
    ("kubernetes", {"service__port": 65536}, "spec.service.port", "from 1 to 65535", 65536, "port"),
    ("kubernetes", {"service__targetPort": -1}, "spec.service.targetPort", "from 1 to 65535", -1, "container port"),
    ("kubernetes", {"service__targetPort": "8080"}, "spec.service.targetPort", "in quotes", "8080", "Remove the quotes"),
    ("kubernetes", {"service__name": "a" * 56}, "spec.service.name", "is too long", "a" * 56, "short"),
    ("kubernetes", {"service__name": "My.App"}, "spec.service.name", "cannot be the name of a Service", "My.App", "DNS name"),
    (
        "kubernetes",
        {"service__trafficDistribution": "Near"},
        "spec.service.trafficDistribution",
        "not a known",
        "Near",
        "PreferClose",
    ),
    (GATEWAY, {"service__gatewayRefs": ABSENT}, "spec.service.gatewayRefs", "is required", None, "Gateway"),
    (GATEWAY, {"service__gatewayRefs": [{}]}, "spec.service.gatewayRefs[0].name", "is required", None, "Gateway"),
    (GATEWAY, {"service__gatewayRefs": [{"name": "g"}] * 33}, "spec.service.gatewayRefs", "more than 32", 33, "at most 32"),
    ("kubernetes", {"analysis": ABSENT}, "spec.analysis", "is required", None, "interval, threshold"),
    ("kubernetes", {"analysis__interval": ABSENT}, "spec.analysis.interval", "is required", None, "30s"),
    ("kubernetes", {"analysis__interval": "5x"}, "spec.analysis.interval", "is not a duration", "5x", "30s"),
    ("kubernetes", {"analysis__threshold": ABSENT}, "spec.analysis.threshold", "is required", None, "before rollback"),
    ("kubernetes", {"analysis__iterations": ABSENT}, "spec.analysis", "is required", None, "exactly one of iterations"),
    ("kubernetes", {"analysis__stepWeight": 5}, "spec.analysis", "more than one", ["iterations", "stepWeight"], "Keep one"),
    (GATEWAY, {"analysis__iterations": 0}, "spec.analysis.iterations", "at least 1", 0, "rounds"),
    (GATEWAY, steps(analysis__stepWeight=0), "spec.analysis.stepWeight", "at least 1", 0, "percent"),
    (GATEWAY, steps(analysis__stepWeights=[]), "spec.analysis.stepWeights", "is empty", [], "rising"),
    (GATEWAY, steps(analysis__stepWeights=[0, 5]), "spec.analysis.stepWeights", "begin with at least 1", [0, 5], "rising"),
    (GATEWAY, steps(analysis__stepWeights=[5, 20, 20]), "spec.analysis.stepWeights[2]", "does not rise", 20, "rising"),
    (GATEWAY, {"analysis__stepWeightPromotion": -1}, "spec.analysis.stepWeightPromotion", "not be negative", -1, "percent"),
    (
        "kubernetes",
        {"analysis__primaryReadyThreshold": 101},
        "spec.analysis.primaryReadyThreshold",
        "above 100",
        101,
        "at most 100",
    ),
    (
        "kubernetes",
        {"analysis__canaryReadyThreshold": 101},
        "spec.analysis.canaryReadyThreshold",
        "above 100",
        101,
        "at most 100",
    ),
    ("kubernetes", {"analysis__drainTime": "soon"}, "spec.analysis.drainTime", "is not a duration", "soon", "10s"),
    ("kubernetes", {"analysis__drainTime": "-5s"}, "spec.analysis.drainTime", "not be negative", "-5s", "longest"),
    (
        "kubernetes",
        {"analysis__metrics": a_metric(query="")},
        "spec.analysis.metrics[0]",
        "says nothing to ask",
        "errors",
        "templateRef",
    ),
    ("kubernetes", {"analysis__metrics": a_metric(name="")}, "spec.analysis.metrics[0].name", "is required", None, "Name"),
    (
        "kubernetes",
        {"analysis__metrics": a_metric(interval="1min")},
        "spec.analysis.metrics[0].interval",
        "not a duration",
        "1min",
        "1m",
    ),
    (
        "kubernetes",
        {"analysis__metrics": a_metric(thresholdRange={"min": 2, "max": 1})},
        "spec.analysis.metrics[0].thresholdRange.min",
        "is above max (1)",
        2,
        "Lower min",
    ),
    (
        "kubernetes",
        {"analysis__metrics": a_metric(templateRef={"name": "latency"})},
        "spec.analysis.metrics[0].templateRef",
        "not supported by this version",
        "latency",
        "metrics[].query",
    ),
    (
        "kubernetes",
        {"analysis__webhooks": a_hook(name="")},
        "spec.analysis.webhooks[0].name",
        "is required",
        None,
        "Name the hook",
    ),
    ("kubernetes", {"analysis__webhooks": a_hook(url="")}, "spec.analysis.webhooks[0].url", "is required", None, "http"),
    (
        "kubernetes",
        {"analysis__webhooks": a_hook(url="ftp://x")},
        "spec.analysis.webhooks[0].url",
        "not an http",
        "ftp://x",
        "http://",
    ),
    (
        "kubernetes",
        {"analysis__webhooks": a_hook(url="http://[x")},
        "spec.analysis.webhooks[0].url",
        "not an http",
        "http://[x",
        "http://",
    ),
    (
        "kubernetes",
        {"analysis__webhooks": a_hook(type="pre")},
        "spec.analysis.webhooks[0].type",
        "not a known name",
        "pre",
        "pre-rollout",
    ),
    (
        "kubernetes",
        {"analysis__webhooks": a_hook(timeout="10sx")},
        "spec.analysis.webhooks[0].timeout",
        "not a duration",
        "10sx",
        "10s",
    ),
    ("kubernetes", {"analysis__webhooks": a_hook(timeout="0s")}, "spec.analysis.webhooks[0].timeout", "above zero", "0s", "10s"),
    (GATEWAY, {"analysis__mirror": True}, "spec.analysis.mirror", "not supported by this version", None, "Leave it out"),
    (GATEWAY, {"analysis__match": [{}]}, "spec.analysis.match", "not supported by this version", None, "Leave it out"),
    (
        GATEWAY,
        {"analysis__sessionAffinity": {"cookieName": "c"}},
        "spec.analysis.sessionAffinity",
        "not supported",
        None,
        "Leave it out",
    ),
]

WARNINGS: list[tuple[str, dict[str, Any], str, str, Any, str]] = [
    ("kubernetes", {"progressDeadlineSeconds": 0}, "spec.progressDeadlineSeconds", "gives no time", 0, "seconds"),
    ("kubernetes", {"analysis__interval": "1min"}, "spec.analysis.interval", "counts as 1m", "1min", "30s"),
    ("kubernetes", {"analysis__interval": "5s"}, "spec.analysis.interval", "counts as 10s", "5s", "at least"),
    ("kubernetes", {"analysis__threshold": 0}, "spec.analysis.threshold", "counts as 1", 0, "at least 1"),
    (
        "kubernetes",
        steps(analysis__stepWeight=10),
        "spec.analysis.stepWeight",
        "runs 10 iterations instead",
        10,
        "analysis.iterations",
    ),
    (
        "kubernetes",
        steps(analysis__stepWeights=[]),
        "spec.analysis.stepWeights",
        "runs 10 iterations instead",
        [],
        "analysis.iterations",
    ),
    ("kubernetes", {"analysis__match": [{}]}, "spec.analysis.match", "no effect with the kubernetes provider", None, "provider"),
    (
        "kubernetes",
        {"analysis__mirror": True},
        "spec.analysis.mirror",
        "no effect with the kubernetes provider",
        None,
        "provider",
    ),
    (
        "kubernetes",
        {"analysis__sessionAffinity": {"cookieName": "c"}},
        "spec.analysis.sessionAffinity",
        "no effect",
        None,
        "provider",
    ),
    (
        GATEWAY,
        steps(analysis__stepWeight=10, analysis__maxWeight=150),
        "spec.analysis.maxWeight",
        "counts as 100",
        150,
        "at most 100",
    ),
    (GATEWAY, {"analysis__stepWeightPromotion": 150}, "spec.analysis.stepWeightPromotion", "counts as 100", 150, "at most 100"),
    ("kubernetes", {"analysis__canaryReadyThreshold": -1}, "spec.analysis.canaryReadyThreshold", "counts as 0", -1, "0 to 100"),
    (
        "kubernetes",
        {"autoscalerRef__kind": "HorizontalPodAutoscaler"},
        "spec.autoscalerRef.primaryScalerQueries",
        "no effect on a HorizontalPodAutoscaler",
        ["prom-trigger"],
        "ScaledObject",
    ),
    (
        "kubernetes",
        {"analysis__metrics": [{"name": "request-success-rate"}]},
        "spec.analysis.metrics[0].thresholdRange",
        "request-success-rate always passes",
        None,
        "thresholdRange",
    ),
    (
        "kubernetes",
        {"analysis__metrics": [{"name": "request-duration"}]},
        "spec.analysis.metrics[0].thresholdRange",
        "fails on any value above 0",
        None,
        "thresholdRange",
    ),
    (
        "kubernetes",
        {"analysis__webhooks": a_hook(retries=-1)},
        "spec.analysis.webhooks[0].retries",
        "counts as 0",
        -1,
        "0 or more",
    ),
    (
        "kubernetes",
        {"analysis__webhooks": a_hook(disableTLS=True)},
        "spec.analysis.webhooks[0].disableTLS",
        "certificate",
        True,
        "trusted",
    ),
    (
        "kubernetes",
        {"analysis__webhooks": a_hook(type="event", url="x")},
        "spec.analysis.webhooks[0].url",
        "not an http",
        "x",
        "http://",
    ),
    (
        "kubernetes",
        {"analysis__webhooks": a_hook(type="post-rollout", timeout="x")},
        "spec.analysis.webhooks[0].timeout",
        "not a duration",
        "x",
        "10s",
    ),
    (
        "kubernetes",
        {"analysis__alerts": [{"name": "a", "providerRef": {"name": "p"}}]},
        "spec.analysis.alerts",
        "not supported by this version",
        None,
        "Events",
    ),
    (
        "kubernetes",
        {"revertOnDeletion": True},
        "spec.revertOnDeletion",
        "not supported by this version",
        None,
        "scale the target up",
    ),
]


@pytest.mark.parametrize(
    ("severity", "provider", "changes", "path", "problem", "value", "step"),
    [("error", *row) for row in ERRORS] + [("warning", *row) for row in WARNINGS],
)
def test_problem_names_path_value_and_next_step(
    severity: str, provider: str, changes: dict[str, Any], path: str, problem: str, value: Any, step: str
) -> None:
    found = validate(a_canary(provider, **changes), SETTINGS)
    assert [each.path for each in found] == [path]
    only = found[0]
    assert (only.severity, only.value) == (severity, value)
    assert problem in only.problem
    assert step in only.next_step


def test_each_rule_tells_tools_its_name() -> None:
    spoilt = [a_canary(row[0], **row[1]) for row in (*ERRORS, *WARNINGS)]
    codes = [problem.code for manifest in spoilt for problem in validate(manifest, SETTINGS)]
    assert "" not in codes


def test_template_reference_without_a_name_is_named() -> None:
    found = problems(a_canary(analysis__metrics=a_metric(templateRef={})))
    assert found["spec.analysis.metrics[0].templateRef.name"].problem == "is required"


def test_all_problems_are_found_at_once() -> None:
    manifest = a_canary("istio", service__port=0, analysis__interval="5x", analysis__webhooks=a_hook(url=""))
    assert list(problems(manifest)) == [
        "spec.provider",
        "spec.service.port",
        "spec.analysis.interval",
        "spec.analysis.webhooks[0].url",
    ]


def test_wrong_type_is_not_reported_as_missing_too() -> None:
    assert list(problems(a_canary(service__port="eighty"))) == ["spec.service.port"]
    assert list(problems(a_canary(targetRef=[]))) == ["spec.targetRef"]


def test_controllers_provider_counts_where_the_canary_names_none() -> None:
    manifest = a_canary(provider="kubernetes")
    del manifest["spec"]["provider"]
    assert validate(manifest, SETTINGS) == ()
    assert problems(manifest, Settings(mesh_provider="gatewayapi:v1"))["spec.service.gatewayRefs"].code == "C4"
    assert problems(manifest, Settings(mesh_provider="istio"))["spec.provider"].value == "istio"


def test_every_provider_of_flagger_is_known_though_not_supported() -> None:
    found = {name: problems(a_canary(name)).get("spec.provider") for name in PROVIDER_NAMES}
    supported = {name for name, problem in found.items() if problem is None}
    assert supported == {"kubernetes", "gatewayapi:v1"}
    assert {problem.problem for problem in found.values() if problem} == {"is not supported by this version"}


def test_registries_may_widen_what_is_supported() -> None:
    manifest = a_canary("istio", targetRef__kind="DaemonSet")
    assert validate(manifest, SETTINGS, providers=("istio",), targets=("DaemonSet",)) == ()


def test_floor_of_the_interval_is_the_controllers() -> None:
    assert validate(a_canary(analysis__interval="5s"), Settings(min_interval_s=1)) == ()


def test_skip_analysis_lets_pass_what_only_an_analysis_would_use() -> None:
    useless = {
        "analysis__metrics": a_metric(query=""),
        "analysis__webhooks": a_hook(url=""),
        "analysis__mirror": True,
        "analysis__iterations": 0,
    }
    assert validate(a_canary(GATEWAY, skipAnalysis=True, **useless), SETTINGS) == ()
    gate = a_canary(GATEWAY, skipAnalysis=True, analysis__webhooks=a_hook(type="confirm-rollout", url=""))
    assert list(problems(gate)) == ["spec.analysis.webhooks[0].url"]


def test_deletion_is_never_held_up() -> None:
    manifest = a_canary("nonsense", service=ABSENT)
    manifest["metadata"]["deletionTimestamp"] = "2024-01-01T00:00:00Z"
    assert validate(manifest, SETTINGS) == ()


@pytest.mark.parametrize(
    ("manifest", "path"),
    [
        ({"kind": "Deployment", "metadata": {"name": "a"}, "spec": {}}, "kind"),
        ({"apiVersion": "flagger.app/v1alpha1", "metadata": {"name": "a"}, "spec": {}}, "kind"),
        ({"spec": {}}, "metadata.name"),
        ({"metadata": {"name": "a"}}, "spec"),
        ({"metadata": {"name": "a"}, "spec": []}, "spec"),
    ],
)
def test_object_that_is_no_canary_is_one_problem(manifest: dict[str, Any], path: str) -> None:
    assert list(problems(manifest)) == [path]


def test_parse_raises_the_first_error_with_its_path() -> None:
    with pytest.raises(SpecError, match=r"^spec\.service\.port must be from 1 to 65535 \(found 0\)\."):
        parse(a_canary(service__port=0, analysis__interval="5x", analysis__threshold=0))


def test_parse_returns_a_sound_canary_and_lets_warnings_pass() -> None:
    assert parse(a_canary(analysis__threshold=0)).spec.analysis.failures_allowed == 1


@pytest.mark.parametrize(
    ("provider", "changes"),
    [
        ("kubernetes", {"autoscalerRef__primaryScalerReplicas": {"minReplicas": 1, "maxReplicas": 1}}),
        ("kubernetes", {"progressDeadlineSeconds": 1}),
        ("kubernetes", {"analysis__interval": "10s"}),
        ("kubernetes", {"analysis__threshold": 1}),
        ("kubernetes", {"analysis__iterations": 1}),
        (GATEWAY, {"analysis__iterations": 1}),
        (GATEWAY, steps(analysis__stepWeight=1, analysis__maxWeight=100, analysis__stepWeightPromotion=100)),
        (GATEWAY, steps(analysis__stepWeights=[1, 2])),
        ("kubernetes", {"analysis__canaryReadyThreshold": 0, "analysis__primaryReadyThreshold": 100}),
        ("kubernetes", {"analysis__drainTime": "0s"}),
        ("kubernetes", {"analysis__metrics": a_metric(thresholdRange={"min": 1, "max": 1})}),
        ("kubernetes", {"analysis__metrics": [{"name": "errors", "query": "up"}]}),
        ("kubernetes", {"analysis__webhooks": a_hook(url="HTTPS://gate.example/", retries=0, timeout="1ns")}),
        ("kubernetes", {"service__name": "a" * 55}),
        ("kubernetes", {"service__port": 1, "service__targetPort": 1}),
        ("kubernetes", {"service__port": 65535, "service__targetPort": 65535}),
        (GATEWAY, {"service__gatewayRefs": [{"name": "g"}] * 32}),
    ],
)
def test_limits_themselves_are_allowed(provider: str, changes: dict[str, Any]) -> None:
    assert validate(a_canary(provider, **changes), SETTINGS) == ()


def test_paths_that_only_begin_alike_do_not_hide_each_other() -> None:
    found = problems(a_canary("gatewayapi:v1", analysis__iterations=ABSENT, analysis__stepWeight="x", analysis__stepWeights=[]))
    assert {"spec.analysis.stepWeight", "spec.analysis.stepWeights"} <= set(found)
