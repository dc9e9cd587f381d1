"""Where we differ from Flagger's recordings on purpose: one table for each thing that is compared, each entry with its number.

A number is one of the reference (W: weakness of the engine, S: of the ScaledObject, D: of the Deployment). ``E`` numbers are
ours. docs/migrating-from-flagger.md has a line for every number here; a test checks that. What is no difference of behaviour but
of the two clusters (addresses, uids, what Kubernetes itself adds) is taken away in `compare` and has no number.
"""

import re
from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen

from golden.recording import Called, Said

SaidChange = Callable[[list[Said]], list[Said]]
CalledChange = Callable[[list[Called]], list[Called]]


@frozen
class Difference:
    """A change of the expected list. ``number``: see the module. ``why``: in one sentence. ``change``: from theirs to ours."""

    number: str
    why: str
    change: Any


def without(pattern: str) -> SaidChange:
    """Drop the Events whose message matches."""
    return lambda said: [each for each in said if not re.search(pattern, each.message)]


def once(pattern: str) -> SaidChange:
    """Keep the first Event whose message matches, of each rollout and phase."""

    def change(said: list[Said]) -> list[Said]:
        kept: list[Said] = []
        known: set[tuple[str, str]] = set()
        for each in said:
            if each.message.startswith("New revision detected!"):
                known = set()
            found = re.search(pattern, each.message)
            key = (each.phase, found.group() if found else "")
            if not found or key not in known:
                kept.append(each)
            known.add(key)
        return kept

    return change


def cut(after: str, *then: Said) -> SaidChange:
    """Everything behind the last Event whose message is ``after`` becomes ``then``."""

    def change(said: list[Said]) -> list[Said]:
        end = max(index for index, each in enumerate(said) if each.message == after)
        return [*said[: end + 1], *then]

    return change


def instead(message: str, *then: Said) -> SaidChange:
    """The first Event whose message is ``message`` becomes ``then``."""

    def change(said: list[Said]) -> list[Said]:
        place = next(index for index, each in enumerate(said) if each.message == message)
        times = said[place].t
        return [*said[:place], *(evolve(each, t=times if each.t is None else each.t) for each in then), *said[place + 1 :]]

    return change


def calls_until(t: float, more: int = 0) -> CalledChange:
    """Hook calls end at ``t``; ``more`` of them come after it, like the last one before."""

    def change(called: list[Called]) -> list[Called]:
        kept = [each for each in called if each.t <= t]
        return [*kept, *(evolve(kept[-1], t=t) for _ in range(more))]

    return change


def calls_more(path: str, body: dict[str, Any], count: int, t: float) -> CalledChange:
    """``count`` more calls of ``path`` at the end."""
    return lambda called: [*called, *(Called(path, body, 200, t) for _ in range(count))]


def rollout(namespace: str, iterations: int, t: float | None = None) -> tuple[Said, ...]:
    """The Events of a rollout that succeeds, from its detection on."""
    target, canary = f"podinfo.{namespace}", f"podinfo.{namespace}"
    steps = [f"Advance {canary} canary iteration {number}/{iterations}" for number in range(1, iterations + 1)]
    running = [f"Starting canary analysis for {target}", *steps, f"Copying {target} template spec to podinfo-primary.{namespace}"]
    return (
        Said("Normal", f"New revision detected! Scaling up {target}", "Progressing", t),
        *(Said("Normal", text, "Progressing", t) for text in running),
        Said("Normal", f"Promotion completed! Scaling down {target}", "Succeeded", t),
    )


NOT_ROLLED = "waiting for rollout to finish: 0 of 1 (readyThreshold 100%) updated replicas are available"
OLD_PODS = "waiting for rollout to finish: 1 old replicas are pending termination"
EXCEEDED = 'deployment "{}" exceeded its progress deadline'


def _deadline(namespace: str, why: str, t: float | None = None) -> tuple[Said, Said]:
    return (
        Said("Warning", f"Rolling back podinfo.{namespace} progress deadline exceeded canary not ready: {why}", "Progressing", t),
        Said("Warning", f"Canary failed! Scaling down podinfo.{namespace}", "Failed", t),
    )


# -- Events -----------------------------------------------------------------------------------------------------------

ALWAYS = (
    Difference("W27", "the metric providers are reported once", once(r"^all the metrics providers")),
    Difference("W27", "'not ready' comes only after an interval of waiting", without("observed deployment generation less")),
    Difference("W27", "'not ready' is said once per rollout and phase", once(r"^.* not ready: ")),
    Difference("W27", "a rollback hook that does not signal is no news", without("not signaling a rollback$")),
    Difference("W27", "what kubernetes cannot do is said once", once("^(Progressive traffic|Setting canaryAnalysis)")),
    Difference("E1", "suspend holds without an Event per tick", without("^skipping canary run as object is suspended$")),
)

_MISSING = (
    "spec.autoscalerRef.name names a ScaledObject that does not exist in namespace s-x (found 'podinfo-so'). "
    "Create it, or correct the name; it is taken up at once."
)
_PAUSED = (
    "metadata.annotations.autoscaling.keda.sh/paused-scale-in pauses the primary for scale-in; it was set by an operator and is "
    "kept (found 'true'). Remove the annotation from the primary's ScaledObject when it is over."
)

SAID: dict[str, tuple[Difference, ...]] = {
    "d-revert-during-analysis": (
        Difference(
            "W17", "a revert in the analysis cancels the rollout",
            lambda said: [
                *(each for each in said if each.t is not None and each.t < 44.9),
                Said("Normal", "Rollout cancelled: podinfo.s-d is back at the promoted revision", "Initialized"),
            ],
        ),
    ),
    "k-source-so-edited": (
        Difference(
            "S13", "an operator's pause on the primary is kept and named, at rest and once more in the next rollout",
            instead(
                "New revision detected! Scaling up podinfo.s-k",
                Said("Warning", _PAUSED, "Initialized", 101.9), Said("Warning", _PAUSED, "Initialized"),
                Said("Normal", "New revision detected! Scaling up podinfo.s-k", "Progressing"),
            ),
        ),
    ),
    "n-readiness-deadline": (
        Difference(
            "W8", "a canary that never gets ready ends at the Canary's deadline, and the next push is a rollout of its own",
            instead(
                "New revision detected! Restarting analysis for podinfo.s-n",
                *_deadline("s-n", NOT_ROLLED, 73.0),
                Said("Normal", "New revision detected! Scaling up podinfo.s-n", "Progressing"),
            ),
        ),
    ),
    "n2-deployment-deadline": (
        Difference(
            "W8", "the same with the Deployment's deadline: ours is the Canary's",
            lambda said: [*said, *_deadline("s-n2", NOT_ROLLED)],
        ),
    ),
    "n3-readiness-deadline-maxunavailable0": (
        Difference(
            "W21", "a rollback by deadline has its Event",
            instead("Canary failed! Scaling down podinfo.s-n3", *_deadline("s-n3", NOT_ROLLED)),
        ),
    ),
    "n4-progressdeadlineexceeded": (
        Difference(
            "W18", "the deadline is the Canary's, counted from what is awaited, not the Deployment's own",
            cut(
                "New revision detected! Restarting analysis for podinfo.s-n4",
                Said("Warning", f"canary deployment podinfo.s-n4 not ready: {NOT_ROLLED}", "Progressing"),
                *_deadline("s-n4", EXCEEDED.format("podinfo")),
            ),
        ),
    ),
    "q-bootstrap-deadline": (
        Difference(
            "W3", "a bootstrap never fails: the app stays on the target, and a push is taken in",
            cut(
                f"podinfo-primary.s-q not ready: {NOT_ROLLED}",
                Said("Normal", "Initialization done! podinfo.s-q", "Initialized"),
            ),
        ),
    ),
    "r-failed-promotion": (
        Difference(
            "W2", "a failed promotion is a rollback: the primary goes back, and the next push is a rollout",
            cut(
                f"podinfo-primary.s-r not ready: {OLD_PODS}",
                Said(
                    "Warning",
                    f"Promotion of podinfo.s-r failed, primary not ready: podinfo-primary.s-r not ready: {OLD_PODS}",
                    "Promoting", 126.2,
                ),
                Said("Warning", "Canary failed! Scaling down podinfo.s-r", "Failed", 126.2),
                *rollout("s-r", 1),
            ),
        ),
    ),
    "v-push-during-promoting": (
        Difference(
            "W5", "a push while promoting restarts the analysis at once; what was not analysed is not promoted",
            lambda said: [
                each for each in said if each.t not in (71.2, 81.0)
            ],
        ),
        Difference(
            "W5", "and says so",
            lambda said: [
                *said[:6], Said("Normal", "New revision detected! Restarting analysis for podinfo.s-v", "Progressing"), *said[6:]
            ],
        ),
    ),
    "x-partial-map-and-source-so-deleted": (
        Difference("W27", "a missing scaler is named once per rollout", without("get query error")),
        Difference(
            "W8", "a scaler that went missing stops nothing",
            cut(
                "Initialization done! podinfo.s-x",
                Said("Warning", _MISSING, "Initialized", 30.8), Said("Warning", _MISSING, "Initialized"), *rollout("s-x", 1),
            ),
        ),
    ),
    "z-primary-and-target-deleted": (
        Difference("E2", "a missing target is a condition, not an Event per tick", without("get query error")),
    ),
}  # fmt: skip

_LOAD_TEST = {
    "name": "podinfo",
    "namespace": "s-x",
    "phase": "Progressing",
    "checksum": "0" * 10,
    "metadata": {"cmd": "hey -z 2m -q 20 -c 2 http://podinfo-svc-canary.test/", "type": "cmd"},
}

# -- hook calls -------------------------------------------------------------------------------------------------------

CALLED: dict[str, tuple[Difference, ...]] = {
    "d-revert-during-analysis": (Difference("W17", "a cancelled rollout asks nothing more", calls_until(44.9)),),
    "iv-interval-edit": (
        Difference(
            "W15", "with iterations lowered below the progress, the switch is a round of its own", calls_until(108.4, more=1)
        ),
    ),
    "r-failed-promotion": (Difference("W2", "the next push is analysed", calls_until(56.2, more=2)),),
    "x-partial-map-and-source-so-deleted": (
        Difference("W8", "the rollout goes on without the scaler", calls_more("/s-x/load-test", _LOAD_TEST, 2, 48.6)),
    ),
}

# -- generated objects ------------------------------------------------------------------------------------------------


@frozen
class FieldDifference:
    """One field of one object in one trace. ``theirs`` and ``ours`` are its values (None: absent)."""

    number: str
    why: str
    trace: str
    where: str
    path: str
    theirs: Any
    ours: Any


_SO = "scaledobjects/podinfo-so-primary"
_WITH_SCALER = (
    "a-b-tutorial-keda", "c-rollback-metric-keda", "k-source-so-edited", "l-primary-so-deleted",
    "x-partial-map-and-source-so-deleted", "y-rich-scaledobject",
)  # fmt: skip
_B, _X = "a-b-tutorial-keda", "x-partial-map-and-source-so-deleted"
_AFFINITY = (
    "spec.template.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchLabels.app"
)


def _query(text: str) -> str:
    return f"sum(rate({text}[30s]))"


def _rich(number: str, why: str, path: str, theirs: Any, ours: Any) -> FieldDifference:
    return FieldDifference(number, why, "y-rich-scaledobject", _SO, path, theirs, ours)


def _rich_query(number: str, why: str, trigger: int, theirs: str, ours: str) -> FieldDifference:
    left, right = (_query(f'app_requests_total{{{each}, namespace="s-y"}}') for each in (theirs, ours))
    return _rich(number, why, f"spec.triggers[{trigger}].metadata.query", left, right)


_NOT_COPIED = "a ScaledObject field that Flagger does not know is copied"
MADE: tuple[FieldDifference, ...] = (
    *(
        FieldDifference(
            "S14", "KEDA's own label is not copied from the source", trace, _SO, "metadata.labels.scaledobject.keda.sh/name",
            "podinfo-so", None,
        )
        for trace in _WITH_SCALER
    ),
    FieldDifference(
        "S4", "the tutorial's map is obeyed: its trigger is named under metadata", _B, _SO, "spec.triggers[0].metadata.query",
        _query('http_requests_total{ app="podinfo" }'), _query('http_requests_total{ app="podinfo-primary" }'),
    ),
    FieldDifference(
        "S5", "a trigger that the map does not name is rewritten as without a map", _X, _SO, "spec.triggers[1].metadata.query",
        _query('app_requests_total{ app="podinfo", namespace="s-x" }'),
        _query('app_requests_total{ app="podinfo-primary", namespace="s-x" }'),
    ),
    FieldDifference(
        "D4", "required affinity to its own pods is rewritten for the primary", "aff-self-pod-affinity",
        "deployments/podinfo-primary", _AFFINITY, "podinfo", "podinfo-primary",
    ),
    _rich("S11", _NOT_COPIED, "spec.advanced.scalingModifiers.formula", None, "t1 + t2"),
    _rich("S11", _NOT_COPIED, "spec.advanced.scalingModifiers.target", None, "5"),
    _rich("S11", _NOT_COPIED, "spec.fallback.behavior", "static", "currentReplicas"),
    _rich("S11", _NOT_COPIED, "spec.initialCooldownPeriod", None, 60),
    _rich("S11", _NOT_COPIED, "spec.triggers[0].useCachedMetrics", None, True),
    _rich_query("S6", "-primary is not doubled", 1, 'app="podinfo-primary-primary"', 'app="podinfo-primary"'),
    _rich_query("S8", "a negated matcher is not inverted", 3, 'app!="podinfo-primary"', 'app!="podinfo-canary"'),
    _rich_query(
        "S10", "the Service's name is an identity of its own", 4, 'app="x",service="podinfo-primary-svc"',
        'app="x",service="podinfo-svc-primary"',
    ),
)  # fmt: skip

# -- where everything ended -------------------------------------------------------------------------------------------

_CONDITION = ("phase", "conditions[Promoted].reason", "conditions[Promoted].status", "conditions[Promoted].message")
_AT = {
    "Initialized": ("Initialized", "Initialized", "True", "Deployment initialization completed."),
    "Progressing": ("Progressing", "Progressing", "Unknown", "New revision detected, progressing canary analysis."),
    "Succeeded": ("Succeeded", "Succeeded", "True", "Canary analysis completed successfully, promotion finished."),
    "Failed": ("Failed", "Failed", "False", "Canary analysis failed, Deployment scaled to zero."),
}


def _phase(number: str, why: str, trace: str, theirs: str, ours: str) -> tuple[FieldDifference, ...]:
    return tuple(
        FieldDifference(number, why, trace, "canaries/podinfo", field, left, right)
        for field, left, right in zip(_CONDITION, _AT[theirs], _AT[ours], strict=True)
        if left != right
    )


def _image(number: str, why: str, trace: str, theirs: str, ours: str) -> FieldDifference:
    images = (f"ghcr.io/stefanprodan/podinfo:{tag}" for tag in (theirs, ours))
    return FieldDifference(number, why, trace, "deployments/podinfo-primary", "image", *images)


LAST: tuple[FieldDifference, ...] = (
    *_phase("W17", "a cancelled rollout goes back to where it came from", "d-revert-during-analysis", "Succeeded", "Initialized"),
    *_phase("W8", "the deadline ends it", "n2-deployment-deadline", "Progressing", "Failed"),
    FieldDifference(
        "W8", "the deadline ends it", "n2-deployment-deadline", "deployments/podinfo", "replicas", 1, 0,
    ),
    *_phase("W3", "a bootstrap never fails", "q-bootstrap-deadline", "Failed", "Initialized"),
    _image("W3", "a push before Initialized is taken in", "q-bootstrap-deadline", "pbad", "6.0.1"),
    *_phase("W2", "the push after a failed promotion is rolled out", "r-failed-promotion", "Failed", "Succeeded"),
    _image("W2", "the push after a failed promotion is rolled out", "r-failed-promotion", "pbad", "6.0.2"),
    _image("W10", "a push before Initialized is taken in", "w-push-before-initialized", "6.0.0", "6.0.1"),
    *_phase("W8", "a scaler that went missing stops nothing", _X, "Initialized", "Succeeded"),
    _image("W8", "a scaler that went missing stops nothing", _X, "6.0.0", "6.0.1"),
    FieldDifference(
        "S1", "our pause on the source is not cloned when the primary's scaler is made again", "l-primary-so-deleted",
        "deployments/podinfo-primary", "replicas", 0, 2,
    ),
)  # fmt: skip


def numbers() -> set[str]:
    """Return every number that a difference names."""
    lists = (ALWAYS, *SAID.values(), *CALLED.values())
    return {each.number for entries in lists for each in entries} | {each.number for each in (*MADE, *LAST)}
