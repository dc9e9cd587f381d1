"""What a verdict writes: the state after every rule, clocks, marks, what is told, when to look again (decisions.md 3, 4)."""

import pytest
from attrs import evolve

from canarykit import phases
from canarykit.decide import Decision, decide
from canarykit.model import FAIL, PASS, UNAVAILABLE, Split
from canarykit.names import PAUSED_REPLICAS_ANNOTATION
from canarykit.observe import observe
from canarykit.state import Clocks, Mark, State
from worlds import (
    BLUE_GREEN,
    DEAD,
    DOWN,
    HORIZONTAL,
    NEWEST,
    NEXT,
    NOW,
    OLD,
    ONE,
    PROGRESSIVE,
    PROMOTED,
    ROUTED,
    TWO,
    Pods,
    World,
    finalising,
    in_analysis,
    late,
    promoting,
    rev,
    routed,
    verified,
    with_hooks,
)

CHECKED = with_hooks(BLUE_GREEN, metrics=("request-success-rate",))
GATED = with_hooks(BLUE_GREEN, "confirm-rollout")
WAITING = World(phase=phases.WAITING, image=NEXT, analysis=GATED)
RISE = {"split": Split(60)}
SHIFTING = verified(
    provider=ROUTED,
    analysis={**PROGRESSIVE, "stepWeightPromotion": 30},
    weight=60,
    state={"split": Split(60), "promoted": rev(NEXT), "previous": rev(PROMOTED)},
)


def _changed(world: World, decision: Decision) -> dict[str, object]:
    """The fields of the state that differ after the decision, but for clocks, marks and news (what is to be said)."""
    before, after = world.snapshot().state, decision.state
    names = [each.name for each in State.__attrs_attrs__ if each.name not in ("clocks", "pause_mark", "floor_mark", "news")]
    return {name: getattr(after, name) for name in names if getattr(before, name) != getattr(after, name)}


STARTED = {"phase": "Progressing", "phase_since": NOW, "id": "r2", "attempted": rev(NEXT), "phase_before": "Failed"}


def test_seen_pins_the_target():
    """N1: the primary gets the target's template as it was at that moment."""
    world = World(phase="", target=TWO, primary=None, apex=None, primary_scaler=False, paused=None)
    state = world.decide().state
    assert (state.phase, state.pin, state.base, state.id) == ("Initializing", rev(PROMOTED), 2, "r2")
    assert (state.promoted, state.attempted) == ("", "")


def test_adopt_takes_what_the_primary_runs_as_promoted():
    """N0: a different target template is then a new revision, and nothing that serves is overwritten."""
    decision = World(phase="", image=NEXT, primary_image=PROMOTED).decide()
    state = decision.state
    assert (state.phase, state.promoted, state.attempted, state.pin) == ("Initialized", *[rev(PROMOTED)] * 3)
    assert World(image=NEXT).decide().rule == "R2"


def test_pin_follows_the_target_until_the_hand_over():
    """B1."""
    world = World(phase=phases.INITIALIZING, image=NEXT, target=TWO, paused=None, apex="target")
    assert _changed(world, world.decide()) == {"pin": rev(NEXT)}


def test_ready_promotes_the_pin_and_not_what_the_target_holds_by_then():
    """B2: what was pushed after the hand-over is a new revision afterwards."""
    world = World(phase=phases.INITIALIZING, image=NEXT, target=TWO, paused=None)
    state = world.decide().state
    assert (state.phase, state.promoted, state.attempted, state.pin) == ("Initialized", *[rev(PROMOTED)] * 3)


def test_revision_starts_with_counters_at_zero():
    """R2: attempted := cur, pin := promoted, before := this phase."""
    stale = {"iterations": 3, "failed_checks": 1, "switched": True, "approved": "r1", "split": Split(40), "undo": True}
    world = World(phase=phases.FAILED, image=NEXT).with_state(**stale, last_check_at=NOW - 50, pre_rollout_passed=True)
    changed = _changed(world, world.decide())
    fresh = {"iterations": 0, "failed_checks": 0, "switched": False, "approved": "", "split": Split(), "undo": False}
    assert changed == STARTED | fresh | {"last_check_at": None, "pre_rollout_passed": False}


@pytest.mark.parametrize(
    ("world", "base"),
    [
        (World(image=NEXT, primary=Pods(3, 3)), 3),
        (World(image=NEXT, primary=Pods(1, 1)), 1),
        (World(image=NEXT, primary=Pods(1, 0)), 2),
        (World(image=NEXT, primary=None), 2),
        (World(image=NEXT, primary=DEAD, target=Pods(5, 5)), 5),
    ],
    ids=["rolled", "rolled and smaller than before", "not rolled", "absent", "override: as big as the target"],
)
def test_base_is_never_counted_in_an_unhealthy_moment(world, base):
    """``base``: the primary's pods, the old base where it is not rolled or absent, the target's under the override."""
    assert world.decide().state.base == base


def test_base_does_not_fall_on_restart():
    """A primary that shrank while it had few requests is not the measure."""
    world = evolve(in_analysis(state={"base": 4}), image=NEWEST)
    assert world.decide().state.base == 4


def test_closed_gate_leads_to_waiting_and_keeps_the_attempt():
    """R3: nothing is attempted before somebody approves."""
    world = World(image=NEXT, analysis=GATED)
    changed = _changed(world, world.decide(confirm_rollout=FAIL))
    assert changed == {"phase": "Waiting", "phase_since": NOW, "id": "r2"}


def test_retry_through_a_closed_gate_is_remembered():
    """R3 by ``retry``: H1 must not cancel it for being attempted already."""
    world = World(phase=phases.FAILED, image=NEXT, analysis=GATED, request="retry/1").with_state(attempted=rev(NEXT))
    state = world.decide(confirm_rollout=FAIL).state
    assert state.retry
    assert not WAITING.with_state(retry=True, attempted=rev(NEXT)).decide().state.retry


@pytest.mark.parametrize(
    ("world", "attempted"),
    [
        (evolve(WAITING, request="abort/1"), rev(NEXT)),
        (evolve(WAITING, image=PROMOTED), rev(PROMOTED)),
        (WAITING.with_state(attempted=rev(NEXT)), rev(NEXT)),
    ],
    ids=["abort", "back at the promoted revision", "back at the revision that was attempted"],
)
def test_cancel_in_waiting_leaves_nothing_that_starts_by_itself(world, attempted):
    """H1: back to the phase before, with the target's revision attempted, or the next pass would take it for a new one."""
    world = world.with_state(phase_before=phases.FAILED)
    state = world.decide(confirm_rollout=FAIL).state
    assert (state.phase, state.attempted, state.owed) == ("Failed", attempted, ("cancelled/r1",))
    after = evolve(world, phase=phases.FAILED, request="").with_state(attempted=attempted)
    assert after.decide(confirm_rollout=FAIL).rule == "R6"


def test_forget_lets_the_attempt_be_pushed_again():
    """R4: push, revert, the same push again."""
    world = World(phase=phases.FAILED).with_state(attempted=rev(NEXT))
    assert _changed(world, world.decide()) == {"attempted": rev(PROMOTED)}
    assert World(phase=phases.FAILED, image=NEXT).decide().rule == "R2"


def test_cancel_returns_to_the_phase_before():
    """P1: attempted := promoted, w := 0, post-rollout owed."""
    for before in (phases.INITIALIZED, phases.SUCCEEDED, phases.FAILED):
        world = evolve(routed(state={"split": Split(20), "phase_before": before, "iterations": 2}), image=PROMOTED)
        changed = _changed(world, world.decide())
        assert changed == {
            "phase": before,
            "phase_since": NOW,
            "attempted": rev(PROMOTED),
            "split": Split(),
            "iterations": 0,
            "owed": ("cancelled/r1",),
        }


def test_cancel_without_a_phase_before_returns_to_initialized():
    """A status from before that field, for whatever reason."""
    assert evolve(in_analysis(state={"phase_before": ""}), image=PROMOTED).decide().state.phase == "Initialized"
    assert evolve(WAITING, image=PROMOTED).with_state(phase_before="").decide().state.phase == "Initialized"


def test_restart_begins_anew_and_keeps_where_a_cancel_returns_to():
    """P2: attempted := cur, w := 0; ``before`` stays."""
    world = evolve(routed(state={"split": Split(20), "failed_checks": 1, "phase_before": phases.SUCCEEDED}), image=NEWEST)
    changed = _changed(world, world.decide())
    assert changed == {
        "phase_since": NOW,
        "id": "r2",
        "attempted": rev(NEWEST),
        "split": Split(),
        "failed_checks": 0,
        "pre_rollout_passed": False,
        "last_check_at": None,
    }


@pytest.mark.parametrize("phase", [phases.PROGRESSING, phases.WAITING_PROMOTION])
def test_rollback_ends_in_failed_with_the_promoted_revision_pinned(phase):
    """P3: attempted stays, so that the same revision does not start again."""
    world = evolve(routed(request="abort/1", state={"split": Split(20), "failed_checks": 1}), phase=phase)
    changed = _changed(world, world.decide())
    assert changed == {
        "phase": "Failed",
        "phase_since": NOW,
        "split": Split(),
        "failed_checks": 0,
        "owed": ("failed/r1",),
        "request": "abort/1",
    }


def test_requests_on_a_dead_target_count_as_failed_checks():
    """P6: as long as requests reach a side without ready pods; not before the check is due, and not when none do."""
    world = evolve(routed(), target=DEAD, primary=DEAD)
    decision = world.decide()
    assert (decision.rule, decision.verdict) == ("P6", "check failed")
    assert _changed(world, decision) == {"failed_checks": 1, "last_check_at": NOW}
    assert _changed(world, world.with_state(last_check_at=NOW - 9).decide()) == {"last_check_at": NOW - 9}
    assert evolve(world, weight=0).decide().state.failed_checks == 0
    assert evolve(world, target=Pods(2, 1)).decide().state.failed_checks == 0


def test_requests_on_a_dead_target_reach_the_threshold():
    """P6 ends as P15 does, in the same pass."""
    decision = evolve(routed(), target=DEAD, primary=DEAD).with_state(failed_checks=1).decide()
    assert (decision.rule, decision.verdict, decision.state.phase) == ("P6", "rollback", "Failed")


def test_failed_check_counts_and_ends_the_rollout_in_the_pass_that_reaches_the_threshold():
    """P15 (W29)."""
    world = in_analysis(analysis=CHECKED)
    first = world.decide(metric=FAIL)
    assert (first.verdict, first.state.phase, first.state.failed_checks) == ("check failed", "Progressing", 1)
    assert first.state.last_check_at == NOW
    second = world.with_state(failed_checks=1).decide(metric=FAIL)
    assert (second.verdict, second.state.phase, second.state.failed_checks) == ("rollback", "Failed", 0)


def test_failed_round_is_one_failed_check():
    """However many metrics fail."""
    world = in_analysis(analysis=with_hooks(BLUE_GREEN, "rollout", metrics=("request-success-rate", "request-duration")))
    assert world.decide(metric=FAIL, rollout=FAIL).state.failed_checks == 1


@pytest.mark.parametrize("missing", [UNAVAILABLE, None])
def test_unknown_is_not_failed(missing):
    """P14: nothing is counted, nothing moves, and the next check is an interval away."""
    world = in_analysis(analysis=CHECKED, state={"failed_checks": 1})
    changed = _changed(world, world.decide(metric=missing))
    checks = changed.pop("checks", ())
    assert changed == {"last_check_at": NOW}
    assert [check["verdict"] for check in checks] == ([UNAVAILABLE] if missing else [])


def test_checks_are_kept_with_value_and_range():
    """``status.rollout.checks`` holds what the metrics said, the last twenty."""
    old = tuple({"name": f"m{n}"} for n in range(20))
    state = in_analysis(analysis=CHECKED, state={"checks": old}).decide(metric=PASS).state
    assert len(state.checks) == 20
    assert state.checks[:19] == old[1:]
    assert (state.checks[-1]["name"], state.checks[-1]["verdict"]) == ("request-success-rate", PASS)


@pytest.mark.parametrize("phase", [phases.PROGRESSING, phases.WAITING_PROMOTION])
def test_promotion_gate_rewinds_nothing(phase):
    """P17: weight and iterations stay (W23, W25)."""
    analysis = with_hooks(PROGRESSIVE, "confirm-promotion")
    world = evolve(routed(analysis=analysis, state={"split": Split(60)}), weight=60, phase=phase)
    changed = _changed(world, world.decide(confirm_promotion=FAIL))
    expected = {"last_check_at": NOW} | (
        {} if phase == phases.WAITING_PROMOTION else {"phase": "WaitingPromotion", "phase_since": NOW}
    )
    assert changed == expected


def test_traffic_gate_holds_the_step_and_does_not_repeat_pre_rollout():
    """P16 (W28)."""
    analysis = with_hooks(PROGRESSIVE, "pre-rollout", "confirm-traffic-increase")
    world = routed(analysis=analysis, weight=0, state={"split": Split(0), "pre_rollout_passed": False, "last_check_at": None})
    assert _changed(world, world.decide(confirm_traffic_increase=FAIL)) == {"pre_rollout_passed": True, "last_check_at": NOW}


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (routed(), {"split": Split(40), "unsettled": True, "last_check_at": NOW}),
        (in_analysis(), {"iterations": 1, "last_check_at": NOW}),
        (in_analysis(state={"iterations": 2}), {"iterations": 3, "switched": True, "last_check_at": NOW}),
        (
            in_analysis(provider=ROUTED, state={"iterations": 2}),
            {"iterations": 3, "switched": True, "split": Split(100), "unsettled": True, "last_check_at": NOW},
        ),
    ],
    ids=["weight", "iteration", "switch without a route", "switch"],
)
def test_step_is_frozen_in_the_status_and_settles_when_it_is_observed(world, expected):
    """P18: the interval starts when the split is in effect, not when it was asked for (I13)."""
    assert _changed(world, world.decide()) == expected


def test_switch_is_made_once():
    """Iterations that an edit adds after it do not bring it back."""
    more = {**BLUE_GREEN, "iterations": 9}
    world = in_analysis(
        provider=ROUTED, analysis=more, weight=100, state={"iterations": 3, "switched": True, "split": Split(100)}
    )
    state = world.decide().state
    assert (state.switched, state.iterations, state.split) == (True, 4, Split(100))


def test_step_out_of_waiting_promotion_is_a_phase_change():
    """P18 at the approved switch: clocks are cleared but the drain."""
    world = evolve(in_analysis(request="promote/1", state={"iterations": 2}), phase=phases.WAITING_PROMOTION)
    changed = _changed(world, world.decide())
    assert (changed["phase"], changed["phase_since"], changed["approved"]) == ("Progressing", NOW, "r1")


def test_settle_starts_the_interval():
    """P12."""
    world = routed(state={"split": Split(20), "unsettled": True, "last_check_at": NOW - 100})
    assert _changed(world, world.decide()) == {"unsettled": False, "last_check_at": NOW}


@pytest.mark.parametrize(
    "world", [in_analysis(state={"iterations": 3, "switched": True}), in_analysis(spec={"skipAnalysis": True})]
)
def test_promotion_pins_what_was_analysed(world):
    """P7, P19: pin := attempted (W5)."""
    changed = _changed(world, world.decide())
    assert changed.pop("last_check_at") == NOW
    assert changed == {"phase": "Promoting", "phase_since": NOW, "pin": rev(NEXT)}


def test_verification_promotes():
    """M2: previous := promoted, promoted := pin (W6)."""
    world = promoting(primary_image=NEXT)
    assert _changed(world, world.decide()) == {"promoted": rev(NEXT), "previous": rev(PROMOTED)}


def test_failed_promotion_takes_the_primary_back():
    """M6: pin := promoted, w := 0 (W2)."""
    world = promoting(state={"clocks": late("primary"), "split": Split(60)}, provider=ROUTED, analysis=PROGRESSIVE, weight=60)
    changed = _changed(world, world.decide())
    assert changed == {"phase": "Failed", "phase_since": NOW, "pin": rev(PROMOTED), "split": Split(), "owed": ("failed/r1",)}


def test_revert_while_promoting_cancels():
    """M3: pin and attempted := promoted."""
    world = evolve(promoting(), image=PROMOTED)
    state = world.decide().state
    assert (state.phase, state.pin, state.attempted, state.owed) == (
        "Initialized",
        rev(PROMOTED),
        rev(PROMOTED),
        ("cancelled/r1",),
    )


def test_push_while_promoting_restarts():
    """M4: pin := promoted; once verified, a cancel returns to Succeeded, for a promotion lies between."""
    state = evolve(promoting(), image=NEWEST).decide().state
    assert (state.phase, state.pin, state.attempted, state.phase_before) == (
        "Progressing",
        rev(PROMOTED),
        rev(NEWEST),
        "Initialized",
    )
    state = evolve(verified(), image=NEWEST).decide().state
    assert (state.pin, state.attempted, state.phase_before) == (rev(NEXT), rev(NEWEST), "Succeeded")


def test_shift_goes_back_whole_or_in_steps():
    """M9: w := max(0, w - stepWeightPromotion)."""
    at_60 = {"split": Split(60), "promoted": rev(NEXT), "previous": rev(PROMOTED)}
    whole = verified(provider=ROUTED, analysis=PROGRESSIVE, weight=60, state=at_60)
    assert _changed(whole, whole.decide()) == {"split": Split(0), "last_check_at": NOW}
    steps = evolve(whole, analysis={**PROGRESSIVE, "stepWeightPromotion": 50})
    assert _changed(steps, steps.decide())["split"] == Split(10)
    last = evolve(steps, weight=10).with_state(split=Split(10))
    assert _changed(last, last.decide())["split"] == Split(0)


@pytest.mark.parametrize(
    ("world", "before"),
    [
        (World(phase=phases.FAILED, image=NEXT, request="undo/1").with_state(attempted=rev(NEXT)), "Failed"),
        (evolve(verified(request="undo/1"), primary=DEAD, apex="target"), "Succeeded"),
        (evolve(finalising(request="undo/1"), primary=DEAD, apex="target"), "Succeeded"),
    ],
    ids=["R1", "M1", "F1"],
)
def test_undo_pins_the_previous_revision_and_counts_the_target_as_attempted(world, before):
    """R1, M1, F1: no analysis, no gate, and the undone revision does not start again."""
    previous = world.snapshot().state.previous
    state = world.decide().state
    assert (state.phase, state.pin, state.attempted, state.split) == ("Promoting", previous, rev(NEXT), Split(0))
    assert (state.undo, state.phase_before, state.id) == (True, before, "r2")


def test_failed_undo_returns_to_what_was_promoted():
    """M6 in an undo."""
    world = promoting(state={"undo": True, "pin": rev(OLD), "clocks": late("primary")})
    state = world.decide().state
    assert (state.phase, state.pin, state.undo) == ("Failed", rev(PROMOTED), False)


@pytest.mark.parametrize(("spec", "owed"), [({}, "succeeded/r1"), ({"skipAnalysis": True}, "skipped/r1")])
def test_finish_owes_post_rollout(spec, owed):
    """F4."""
    world = finalising(target=DOWN, paused="0", spec=spec, state={"iterations": 3, "undo": False})
    changed = _changed(world, world.decide())
    assert changed == {"phase": "Succeeded", "phase_since": NOW, "iterations": 0, "owed": (owed,)}


# -- clocks -----------------------------------------------------------------------------------------------------------

RUNNING = Clocks(canary=NOW - 5, primary=NOW - 5, room=NOW - 5, route=NOW - 5, route_weight=20)


def _clocks(world: World, **answers: str) -> Clocks:
    return world.decide(**answers).state.clocks


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (evolve(in_analysis(), target=DEAD), Clocks(canary=NOW)),
        (evolve(in_analysis(), target=None), Clocks(canary=NOW)),
        (evolve(in_analysis(), phase=phases.WAITING_PROMOTION, target=DEAD), Clocks(canary=NOW)),
        (evolve(in_analysis(), target=Pods(2, 1)), Clocks(canary=NOW)),
        (evolve(routed(state=RISE), target=Pods(4, 1)), Clocks(room=NOW)),
        (evolve(routed(state=RISE), target=ONE), Clocks(room=NOW)),
        (routed(state=RISE), Clocks(route=NOW, route_weight=60)),
        (evolve(routed(), programmed=False), Clocks(route=NOW, route_weight=20)),
        (evolve(in_analysis(), primary=DEAD, apex="target"), Clocks(primary=NOW)),
        (World(phase=phases.INITIALIZING, target=TWO, primary=DEAD, apex="target"), Clocks(primary=NOW)),
        (promoting(), Clocks(primary=NOW)),
        (World(target=TWO), Clocks(drain=NOW)),
        (World(target=Pods(0, 0, old=1)), Clocks(drain=NOW)),
        (finalising(), Clocks(drain=NOW)),
        (World(phase=phases.WAITING, image=NEXT, analysis=GATED, target=ONE), Clocks(drain=NOW)),
        (World(phase=phases.INITIALIZING, target=TWO, primary=DEAD, apex="primary"), Clocks(primary=NOW, room=None)),
    ],
    ids=[
        "canary: not ready",
        "canary: gone",
        "canary: in WaitingPromotion",
        "canary: one of two dies at a settled split",
        "room: grows for the next weight",
        "room: too small",
        "route: written in this pass",
        "route: not programmed",
        "primary: dead in an analysis",
        "primary: bootstrap",
        "primary: promoting",
        "drain",
        "drain: a pod left",
        "drain: finalising",
        "drain: waiting",
        "no room clock at bootstrap",
    ],
)
def test_clock_starts_with_what_is_awaited(world, expected):
    """Section 4: each awaited thing has its own clock."""
    assert _clocks(world, confirm_rollout=FAIL) == expected


@pytest.mark.parametrize("world", [in_analysis(), routed(), World(), verified()])
def test_clocks_end_with_what_was_awaited(world):
    """Nothing is awaited: nothing runs."""
    found = _clocks(world.with_state(clocks=RUNNING))
    assert (found.canary, found.primary, found.room) == (None, None, None)
    if world.phase != phases.PROGRESSING:
        assert found.route is None


def test_clocks_go_on_while_the_thing_is_awaited():
    """They are not started again by every pass."""
    assert _clocks(evolve(in_analysis(state={"clocks": Clocks(canary=NOW - 5)}), target=DEAD)).canary == NOW - 5


def test_kubernetes_has_no_route_clock():
    """The apex Service is in effect when it is written."""
    world = evolve(in_analysis(), apex="target")
    assert [action.guard for action in world.plan() if action.guard == "G9"] == ["G9"]
    assert _clocks(world).route is None


def test_route_clock_starts_again_with_another_weight():
    """``c_route`` belongs to one weight."""
    same = routed(state={"split": Split(60), "clocks": Clocks(route=NOW - 5, route_weight=60)})
    assert _clocks(same) == Clocks(route=NOW - 5, route_weight=60)
    other = routed(state={"split": Split(60), "clocks": Clocks(route=NOW - 5, route_weight=20)})
    assert _clocks(other) == Clocks(route=NOW, route_weight=60)


def test_late_room_clock_runs_until_the_split_is_written():
    """Cleared in the patch before the write, the guard that it opens (G7) would close again, for ever."""
    world = World(
        phase=phases.FAILED, provider=ROUTED, analysis=PROGRESSIVE, weight=60, primary=Pods(2, 1), target=TWO, paused=None
    )
    world = evolve(world, image=NEXT).with_state(attempted=rev(NEXT), base=4, clocks=late("room"))
    decision = world.decide()
    assert decision.state.clocks.room == NOW - 61
    route = [action for action in world.plan() if action.guard == "G7"]
    assert [action.body["spec"]["rules"][0]["backendRefs"][1]["weight"] for action in route] == [0]


def test_phase_change_clears_all_clocks_but_the_drain():
    """A deadline never counts from what another phase awaited."""
    world = evolve(in_analysis(request="abort/1", state={"clocks": evolve(RUNNING, drain=NOW - 3)}), target=DEAD)
    found = _clocks(world)
    assert found == Clocks(drain=NOW - 3)


@pytest.mark.parametrize("spec", [{"suspend": True}, {"analysis": {"interval": "soon", "threshold": 1, "iterations": 1}}])
def test_held_canary_has_no_clocks(spec):
    """A2, A4: clocks stop, and start from zero when it goes on."""
    world = evolve(in_analysis(spec=spec, state={"clocks": evolve(RUNNING, drain=NOW - 3)}), target=DEAD)
    assert _clocks(world) == Clocks()


@pytest.mark.parametrize(
    "world",
    [
        World(target=TWO, apex="target"),
        World(target=TWO, provider=ROUTED, analysis=PROGRESSIVE, programmed=False),
        World(target=TWO, provider=ROUTED, analysis=PROGRESSIVE, weight=5),
        World(target=TWO, primary=DEAD),
        World(target=DOWN),
    ],
    ids=["apex not ours", "NotYet", "requests on the target", "override", "no pods"],
)
def test_drain_ends_with_its_reason(world):
    """Any of them ends, the clock ends (NotYet too)."""
    assert _clocks(world.with_state(clocks=Clocks(drain=NOW - 8))).drain is None


def test_time_without_a_controller_does_not_count():
    """late(clock) counts from the process start, and from when our view was last found behind."""
    world = evolve(in_analysis(state={"clocks": late("canary", seconds=1000)}), target=DEAD)
    assert world.decide().rule == "P5"
    assert world.decide(not_before=NOW - 60).rule == "P6"
    assert world.decide(not_before=NOW - 60.5).rule == "P5"


@pytest.mark.parametrize(
    ("world", "unsettled"),
    [
        (evolve(routed(), weight=35), True),
        (evolve(routed(), programmed=False), True),
        (routed(), False),
        (evolve(routed(), weight=35).with_state(pre_rollout_passed=False), False),
        (evolve(in_analysis(), primary=DEAD, apex="target"), True),
        (evolve(in_analysis(state={"clocks": late("primary")}), primary=DEAD, apex="target"), False),
        (evolve(verified(), provider=ROUTED, analysis=PROGRESSIVE, weight=60).with_state(split=Split(20)), False),
    ],
    ids=["foreign weight", "NotYet", "in effect", "before pre-rollout", "override", "primary given up", "not in an analysis"],
)
def test_unsettled_when_the_split_is_not_the_steps(world, unsettled):
    """The interval starts again once the split is back."""
    assert world.with_state(last_check_at=NOW - 1).decide().state.unsettled == unsettled


# -- marks ------------------------------------------------------------------------------------------------------------


def _marks(world: World) -> tuple[Mark | None, Mark | None]:
    state = world.decide().state
    return state.pause_mark, state.floor_mark


NO_MARKS = {"pause_mark": None, "floor_mark": None}


@pytest.mark.parametrize(
    ("world", "pause", "floor"),
    [
        (World(paused=None).with_state(**NO_MARKS), Mark(None), None),
        (World(paused="4").with_state(**NO_MARKS), Mark("4"), None),
        (World(paused="0").with_state(**NO_MARKS), Mark(None), None),
        (World(paused="3").with_state(pause_mark=Mark(None)), Mark("3"), None),
        (World(paused="0").with_state(pause_mark=Mark("4")), Mark("4"), None),
        (World(paused=None).with_state(pause_mark=Mark("4")), Mark("4"), None),
        (World(image=NEXT), Mark(None), Mark(1)),
        (World(image=NEXT, minimum=None), Mark(None), Mark(None)),
        (in_analysis(), None, Mark(1)),
        (in_analysis(minimum=3, state={"floor_mark": Mark(1)}), None, Mark(1)),
        (evolve(in_analysis(), paused="0").with_state(pause_mark=Mark(None)), Mark(None), Mark(1)),
        (evolve(in_analysis(), paused="4").with_state(pause_mark=Mark("4")), None, Mark(1)),
        (World(minimum=1).with_state(floor_mark=Mark(1)), Mark(None), None),
        (World(minimum=3).with_state(floor_mark=Mark(1)), Mark(None), Mark(1)),
        (World(scaler=HORIZONTAL), None, None),
        (World(scaler=HORIZONTAL, image=NEXT), None, Mark(1)),
        (World(scaler=None, image=NEXT), None, None),
    ],
    ids=[
        "before the pause",
        "a pause of the user's",
        "a 0 without a mark is ours",
        "the user writes another",
        "ours stands",
        "somebody removed ours",
        "floor with the rollout",
        "no minimum written",
        "floor in the analysis",
        "while it is raised",
        "until the pause is seen undone",
        "undone",
        "floor given back",
        "until it is seen given back",
        "HPA: no pause",
        "HPA: floor",
        "no scaler",
    ],
)
def test_marks_remember_what_stood_there(world, pause, floor):
    """Written before, dropped after, the change that they describe (I3)."""
    assert _marks(world) == (pause, floor)


def test_marks_go_with_their_scaler():
    """A deleted scaler leaves nothing to undo."""
    world = World(primary_scaler=False).with_state(floor_mark=Mark(1))
    objects = {ref: each for ref, each in world.objects().items() if ref.kind != "ScaledObject"}
    state = decide(observe(objects, ("test", "podinfo"), world.settings, NOW), {}, NOW, "r2").state
    assert (state.pause_mark, state.floor_mark) == (None, None)


def test_mark_is_not_dropped_in_the_patch_that_changes_the_phase():
    """A pause that was begun before may still arrive."""
    world = World(image=NEXT, paused=None).with_state(pause_mark=Mark(None))
    assert world.decide().state.pause_mark == Mark(None)
    later = evolve(in_analysis(), paused=None).with_state(pause_mark=Mark(None), phase_since=NOW - 0.001)
    assert later.decide().state.pause_mark is None


def test_pause_is_read_from_the_annotation():
    """The builder of these worlds says what KEDA reads."""
    found = World(paused="0").snapshot().source_scaler
    assert found is not None
    assert found["metadata"]["annotations"] == {PAUSED_REPLICAS_ANNOTATION: "0"}


# -- fresh reads, told, look again ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "fresh"),
    [
        (World(), False),
        (World(image=NEXT), True),
        (World(phase=phases.FAILED).with_state(attempted=rev(NEXT)), True),
        (World(paused=None).with_state(**NO_MARKS), True),
        (World(target=TWO), False),
        (in_analysis(), True),
        (in_analysis(state={"last_check_at": NOW - 9}), False),
        (evolve(in_analysis(), target=DEAD), False),
        (in_analysis(state={"unsettled": True}), True),
        (promoting(), False),
        (promoting(primary_image=NEXT), True),
        (promoting(state={"clocks": late("primary")}), True),
        (World(phase=phases.INITIALIZING, image=NEXT, target=TWO, apex="target", paused=None), True),
        (finalising(target=DOWN, paused="0"), True),
    ],
    ids=[
        "rest",
        "revision",
        "forget",
        "mark",
        "a clock alone",
        "step",
        "not due",
        "a clock in the analysis",
        "settle",
        "hold",
        "verified",
        "deadline",
        "pin",
        "finish",
    ],
)
def test_verdicts_that_end_something_start_from_a_fresh_read(world, fresh):
    """Section 2, step 2: stale views may only wait."""
    assert world.decide().needs_fresh_read == fresh


TOLD = [
    ("A3", World(target=None), "target Deployment/test/podinfo not found"),
    ("A4", World(spec={"analysis": {"interval": "soon", "threshold": 1, "iterations": 1}}), "spec.analysis.interval"),
    (
        "B3",
        World(phase=phases.INITIALIZING, target=TWO, primary=DEAD, apex="target").with_state(clocks=late("primary")),
        "too long",
    ),
    ("R5", World(primary=DEAD, target=ONE), "requests stay on the target"),
    ("P6b", in_analysis(state={"paused": True}), "paused by request"),
    ("P8", evolve(in_analysis(), primary=DEAD, apex="target"), "no step is taken"),
    ("M8", evolve(verified(), primary=DEAD, apex="target"), "requests stay on the target"),
    ("F3", evolve(finalising(), primary=DEAD, apex="target"), "requests stay on the target"),
]


@pytest.mark.parametrize(("rule", "world", "text"), TOLD, ids=[each[0] for each in TOLD])
def test_long_wait_is_told_once(rule, world, text):
    """(T): the reason is in ``status.rollout.waiting``, and a second pass has nothing to write."""
    first = world.decide()
    assert (first.rule, text in first.state.waiting) == (rule, True)
    settled = evolve(world, state={name: getattr(first.state, name) for name in _names()})
    assert settled.decide().state == settled.snapshot().state


def _names() -> list[str]:
    return [each.name for each in State.__attrs_attrs__ if each.name not in ("phase", "format")]


def test_what_was_told_is_cleared_by_the_next_verdict_that_writes():
    """A hold that is not told costs no write."""
    assert in_analysis(state={"waiting": "something"}).decide().state.waiting == ""
    assert in_analysis(state={"waiting": "something", "last_check_at": NOW - 1}).decide().state.waiting == "something"


@pytest.mark.parametrize(
    ("world", "seconds"),
    [
        (World(), None),
        (World(spec={"suspend": True}), None),
        (in_analysis(state={"last_check_at": NOW - 4}), 6.0),
        (evolve(in_analysis(state={"last_check_at": NOW - 1, "clocks": Clocks(canary=NOW - 58)}), target=DEAD), 2.001),
        (World(target=TWO).with_state(clocks=Clocks(drain=NOW - 4)), 6.0),
        (evolve(WAITING, target=DOWN), 10.0),
        (in_analysis(state={"last_check_at": NOW - 4, "paused": True}), None),
        (World().with_state(owed=("succeeded/r1",), phase_since=NOW - 20), 40.001),
        (promoting(state={"clocks": Clocks(primary=NOW - 15)}), 45.001),
        (evolve(routed(state=RISE), target=ONE), 60.001),
        (promoting(analysis=with_hooks(BLUE_GREEN, "rollback"), state={"clocks": Clocks(primary=NOW - 15)}), 10.0),
        (promoting(analysis=with_hooks(BLUE_GREEN, "rollout"), state={"clocks": Clocks(primary=NOW - 15)}), 45.001),
        (SHIFTING.with_state(last_check_at=NOW - 3), 7.0),
        (verified(state={"last_check_at": NOW - 3}, apex="other"), None),
    ],
    ids=[
        "rest",
        "suspended",
        "next check",
        "deadline",
        "drain",
        "gate",
        "paused",
        "owed",
        "promotion deadline",
        "room",
        "rollback hook while promoting",
        "other hooks while promoting",
        "next shift",
        "nothing to shift",
    ],
)
def test_look_again_when_time_alone_can_change_the_verdict(world, seconds):
    """A Canary with nothing to wait for has no timer (I10)."""
    decision = world.decide(confirm_rollout=FAIL)
    assert decision.look_again_s == (None if seconds is None else pytest.approx(seconds, abs=1e-6))


@pytest.mark.parametrize(
    ("world", "told"),
    [
        (World(spec={"provider": "nginx"}), ["spec.provider"]),
        (
            World(spec={"autoscalerRef": {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "gone"}}),
            ["spec.autoscalerRef"],
        ),
        (World(minimum=0), []),
        (World(), []),
    ],
    ids=["an error", "what went missing", "another warning", "nothing wrong"],
)
def test_problems_are_told_in_events_once(world, told):
    """Errors, and what went missing; other warnings stand in the condition only."""
    notes = [note for note in world.decide().events if note.action == "validate"]
    assert [(note.type, note.message.startswith(path)) for note, path in zip(notes, told, strict=True)] == [
        ("Warning", True)
    ] * len(told)
    assert all(note.once for note in notes)
