"""Bad input: said with path, value and next step, harming nothing and nobody, healed at once.

The API server refuses some of it by the CRD's own rules (that is what kubectl users see). The controller must also hold when
such an object is stored, as one written before the rules were; the tests store it past them.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import frozen

from canary_controller.sandbox import admission
from canary_controller.sandbox.cluster import Refused
from canary_controller.sandbox.store import Key
from canarykit import kinds
from canarykit.dicts import at
from e2e.scenes import NEW, OLD, PROBED, SETTINGS, a_podinfo, assert_rested, at_rest, merged, primary_pods, released, until_down
from harness import Rig

pytestmark = pytest.mark.looptime(idle_timeout=36000)
CANARIES = Key("flagger.app", "canaries", "test", "podinfo")
SCALERS = Key("keda.sh", "scaledobjects", "test", "podinfo-so")
DEPLOYMENTS = Key("apps", "deployments", "test", "podinfo")


@frozen
class Case:
    """One mistake.

    Attributes:
        where: the object that has it.
        bad: changes that make it, good ones undo it; None for ``bad``: the object is missing.
        said: what the condition must name: path, value, next step.
        accepted: what the condition says in the bootstrap.
        refused: what the API server says to kubectl; "" where it lets it pass.
    """

    where: Key
    bad: Mapping[str, Any] | None
    good: Mapping[str, Any]
    said: tuple[str, ...]
    accepted: str = "False"
    refused: str = ""


CASES = {
    "unknown scaler kind": Case(
        CANARIES,
        {"spec": {"autoscalerRef": {"kind": "Autoscaler"}}},
        {"spec": {"autoscalerRef": {"kind": "ScaledObject"}}},
        ("spec.autoscalerRef.kind", "'Autoscaler'", "HorizontalPodAutoscaler, ScaledObject"),
        refused="spec.autoscalerRef.kind",
    ),
    "missing ScaledObject": Case(
        SCALERS,
        None,
        {},
        ("spec.autoscalerRef.name", "'podinfo-so'", "Create it, or correct the name"),
    ),
    "source with min above max, overridden for the primary": Case(
        SCALERS,
        {"spec": {"minReplicaCount": 9, "maxReplicaCount": 3}},
        {"spec": {"minReplicaCount": 1, "maxReplicaCount": 3}},
        ("ScaledObject/podinfo-so spec.minReplicaCount", "(found 9)", "Lower the minimum or raise the maximum"),
        accepted="True",
    ),
    "override with min above max": Case(
        CANARIES,
        {"spec": {"autoscalerRef": {"primaryScalerReplicas": {"minReplicas": 7, "maxReplicas": 5}}}},
        {"spec": {"autoscalerRef": {"primaryScalerReplicas": {"minReplicas": 2, "maxReplicas": 5}}}},
        ("spec.autoscalerRef.primaryScalerReplicas.minReplicas", "(found 7)", "is above maxReplicas (5)", "Lower minReplicas"),
    ),
    "override min above the source's max": Case(
        CANARIES,
        {"spec": {"autoscalerRef": {"primaryScalerReplicas": {"minReplicas": 7, "maxReplicas": None}}}},
        {"spec": {"autoscalerRef": {"primaryScalerReplicas": {"minReplicas": 2, "maxReplicas": 5}}}},
        ("minReplica", "7", "3"),
    ),
    "trigger map that matches nothing": Case(
        CANARIES,
        {"spec": {"autoscalerRef": {"primaryScalerQueries": {"prom-trigger": None, "prom-triger": "up"}}}},
        {"spec": {"autoscalerRef": {"primaryScalerQueries": {"prom-trigger": "up", "prom-triger": None}}}},
        ("spec.autoscalerRef.primaryScalerQueries", "prom-triger", "prom-trigger"),
        accepted="True",
    ),
    "target without the selector label": Case(
        DEPLOYMENTS,
        {"spec": {"selector": {"matchLabels": {"app": None, "component": "podinfo"}}}},
        {"spec": {"selector": {"matchLabels": {"app": "podinfo", "component": None}}}},
        ("spec.selector.matchLabels", "component", "app, name, app.kubernetes.io/name"),
    ),
    "unknown provider": Case(
        CANARIES,
        {"spec": {"provider": "istoi"}},
        {"spec": {"provider": "kubernetes"}},
        ("spec.provider", "'istoi'", "gatewayapi:v1, kubernetes"),
        refused="spec.provider",
    ),
    "interval 5x": Case(
        CANARIES,
        {"spec": {"analysis": {"interval": "5x"}}},
        {"spec": {"analysis": {"interval": "10s"}}},
        ("spec.analysis.interval", "'5x'", "e.g. 30s"),
        refused="spec.analysis.interval",
    ),
}
LATER = {name: case for name, case in CASES.items() if case.where != DEPLOYMENTS}  # a Deployment's selector cannot be changed
REFUSED = {name: case for name, case in CASES.items() if case.refused}
EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def store_past_the_rules(rig: Rig, case: Case, changes: Mapping[str, Any]) -> None:
    """Store an object as an older API server may have let it pass."""
    store = rig.cluster.store
    found = store.fetch(case.where)
    generation = found["metadata"]["generation"] + 1
    store.replace(case.where, merged(merged(found, changes), {"metadata": {"generation": generation}}))


async def mistake(rig: Rig, case: Case) -> None:
    """Make the mistake on a living object."""
    if case.bad is None:
        store = rig.cluster.store
        store.replace(case.where, merged(store.fetch(case.where), {"metadata": {"finalizers": None}}))
        store.delete(case.where)
    else:
        store_past_the_rules(rig, case, case.bad)


async def correction(rig: Rig, case: Case) -> None:
    """Undo it."""
    if case.bad is None:
        await rig.apply(a_podinfo()[2])
    else:
        store_past_the_rules(rig, case, case.good)


def harmless(rig: Rig, name: str = "podinfo") -> dict[Any, Any]:
    """Everything that carries the name, without the Canary itself, statuses and Events: what must not change."""
    return {
        ref: {key: value for key, value in each.items() if key not in ("metadata", "status")}
        for ref, each in rig.cluster.store.view().items()
        if ref.namespace == "test" and ref.name.startswith(name) and ref.kind not in ("Canary", "Event", "EndpointSlice")
    }


def accepted(rig: Rig) -> Mapping[str, Any]:
    return rig.condition("Accepted")


def says_it(rig: Rig, case: Case) -> Callable[[], bool]:
    return lambda: all(part in accepted(rig).get("message", "") for part in case.said)


def other() -> list[dict[str, Any]]:
    """Another app with its Canary in the same namespace."""
    text = json.dumps(a_podinfo()[1:])
    for old, new in (("podinfo-so", "shop-so"), ("podinfo-svc", "shop-svc"), ('"podinfo"', '"shop"'), ('\\"podinfo', '\\"shop')):
        text = text.replace(old, new)
    manifests: list[dict[str, Any]] = json.loads(text)
    return manifests


@EVERY
async def test_bad_input_at_bootstrap(case):
    """The Canary is held with a reason, nothing is made for it, another Canary starts beside it, and the fix acts at once."""
    async with Rig(SETTINGS, PROBED) as rig:
        namespace, deployment, scaler, canary = a_podinfo()
        objects = {DEPLOYMENTS: deployment, SCALERS: scaler, CANARIES: canary}
        bad = objects.pop(case.where)
        await rig.apply(namespace, *(each for each in objects.values() if each["kind"] != "Canary"))
        if case.bad is not None:
            if case.where != CANARIES:
                bad = merged(bad, merged(case.bad, _labels(case)))
            stored = merged(bad, case.bad)
            rig.cluster.store.insert(case.where, _born(stored), has_generation=True)
        if case.where != CANARIES:
            await rig.apply(canary)
        if case.accepted == "True":
            await rig.until_phase("Initialized", limit_s=60)
            assert says_it(rig, case)(), accepted(rig)
            assert accepted(rig)["reason"] == "Warnings"
            return
        await rig.until(says_it(rig, case), 1)
        assert (accepted(rig)["status"], accepted(rig)["reason"]) == ("False", "InvalidSpec")
        await rig.rest(5)
        before = harmless(rig)
        await rig.apply(*other())
        await rig.until(lambda: at(rig.get(kinds.CANARY, "shop"), "status", "phase") == "Initialized", 60)
        await rig.rest(60)
        assert harmless(rig) == before
        assert [ref.name for ref in before if "primary" in ref.name or "svc" in ref.name] == []
        assert at(rig.canary, "status", "phase", default="") == ""
        assert len(rig.events()) == 1, "said once"
        assert all(part in rig.events()[0] for part in case.said)
        await correction(rig, case)
        await rig.until(lambda: rig.phase == "Initializing" and accepted(rig)["status"] == "True", 1)
        await rig.until_phase("Initialized", limit_s=120)
        await until_down(rig)
        await rig.rest(60)
        assert_rested(rig, OLD)


def _labels(case: Case) -> dict[str, Any]:
    """A selector has to match the template."""
    if case.where != DEPLOYMENTS:
        return {}
    return {"spec": {"template": {"metadata": {"labels": {"component": "podinfo"}}}}}


def _born(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {**manifest, **({"status": {}} if manifest["kind"] == "Deployment" else {})}


@pytest.mark.parametrize("case", LATER.values(), ids=LATER.keys())
async def test_bad_input_at_rest(case):
    """A mistake made later changes nothing in the cluster; it is said, and the fix acts at once."""
    async with at_rest() as rig:
        serving, events = primary_pods(rig), rig.events()
        await mistake(rig, case)
        before = {ref: each for ref, each in harmless(rig).items() if ref.kind != "HorizontalPodAutoscaler"}
        await rig.until(says_it(rig, case), 1)
        await rig.rest(60)
        after = {ref: each for ref, each in harmless(rig).items() if ref.kind != "HorizontalPodAutoscaler"}
        assert after == before
        assert primary_pods(rig) == serving
        assert rig.phase == "Initialized"
        said = rig.events()[len(events) :]
        assert len(said) <= 1, said
        if case.where == CANARIES and case.accepted == "False":
            assert accepted(rig)["status"] == "False" or "primaryScalerReplicas" in str(case.bad)
        await correction(rig, case)
        await rig.until(lambda: not says_it(rig, case)() and accepted(rig)["status"] == "True", 1)
        await rig.rest(60)
        assert rig.phase == "Initialized"
        assert primary_pods(rig) == serving
        await released(rig, NEW)


async def test_source_with_min_above_max_is_not_cloned():
    """Without overrides the primary's scaler would have the same mistake: the bootstrap is held, and goes on after the fix."""
    plain = {"autoscalerRef": {"primaryScalerReplicas": None}}
    async with Rig(SETTINGS, PROBED) as rig:
        await rig.apply(*a_podinfo(plain, scaler={"spec": {"minReplicaCount": 9}}))
        await rig.until(lambda: accepted(rig).get("status") == "False", 1)
        for part in ("spec.minReplicaCount", "(found 9)", "Raise the maximum or lower the minimum"):
            assert part in accepted(rig)["message"]
        await rig.rest(60)
        assert rig.find(kinds.DEPLOYMENT, "podinfo-primary") is None
        await rig.patch(kinds.SCALED_OBJECT, "podinfo-so", {"spec": {"minReplicaCount": 1}})
        await rig.until(lambda: rig.phase == "Initializing", 1)
        await rig.until_phase("Initialized", limit_s=60)


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
async def test_api_server_refuses_what_the_crd_rules_out(case):
    """kubectl users hear of it at once, with the path."""
    async with Rig(SETTINGS, PROBED) as rig:
        manifests = a_podinfo()
        await rig.apply(*manifests[:3])
        with pytest.raises(Refused, match=case.refused.replace(".", r"\.")) as refusal:
            await rig.apply(merged(manifests[3], case.bad))
        assert "422" in str(refusal.value)
        assert rig.find(kinds.CANARY, "podinfo") is None


async def test_bad_input_in_an_analysis_holds_it_and_goes_on_after_the_fix():
    """A broken edit in the middle of a rollout freezes it where it is; after the fix it goes on from there."""
    case = CASES["unknown provider"]
    async with at_rest() as rig:
        await rig.set_image(NEW)
        await rig.until(lambda: at(rig.canary, "status", "iterations") == 1, 200)
        await mistake(rig, case)
        await rig.until(says_it(rig, case), 1)
        assert accepted(rig)["status"] == "False"
        await rig.rest(600)
        assert (rig.phase, at(rig.canary, "status", "iterations")) == ("Progressing", 1)
        assert rig.image("podinfo-primary") == OLD
        await correction(rig, case)
        await rig.until_phase("Succeeded", "Failed", limit_s=120)
        await until_down(rig)
        await rig.rest(30)
        assert_rested(rig, NEW)


async def test_api_server_that_takes_no_status_below_a_bad_spec(monkeypatch):
    """Before validation ratcheting (Kubernetes 1.30) the condition cannot be written: an Event says it, and the fix heals."""
    monkeypatch.setattr(admission, "touched", lambda causes, before, after: list(causes))
    case = CASES["interval 5x"]
    async with at_rest() as rig:
        events = len(rig.events())
        await mistake(rig, case)
        await rig.rest(300)
        (said,) = rig.events()[events:]
        assert all(part in said for part in case.said)
        await rig.apply(*other())
        await rig.until(lambda: at(rig.get(kinds.CANARY, "shop"), "status", "phase") == "Initialized", 60)
        await correction(rig, case)
        await rig.rest(2)
        await released(rig, NEW)


async def test_a_canary_that_makes_no_sense_at_all_harms_nobody():
    """A spec of wrong types is held by itself; the Canary beside it is released."""
    async with Rig(SETTINGS, PROBED) as rig:
        manifests = a_podinfo()
        await rig.apply(*manifests[:3])
        nonsense = {**manifests[3], "spec": {"targetRef": "podinfo", "service": 80, "analysis": ["10s"], "provider": 7}}
        rig.cluster.store.insert(CANARIES, nonsense, has_generation=True)
        await rig.until(lambda: accepted(rig).get("status") == "False", 2)
        for path in ("spec.targetRef", "spec.service", "spec.analysis"):
            assert path in accepted(rig)["message"]
        await rig.apply(*other())
        await rig.until(lambda: at(rig.get(kinds.CANARY, "shop"), "status", "phase") == "Initialized", 60)
