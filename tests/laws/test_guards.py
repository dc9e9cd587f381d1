"""Both answers of every guard G1 to G10, the desired world with its override, the order of actions (decisions.md 5, 6)."""

import pytest
from attrs import evolve

from canarykit import phases
from canarykit.desired import Desired, desired, need
from canarykit.guards import GUARDED, TEXTS, Watch, g5, g6, g7, g7_partial, g9, g10
from canarykit.kinds import DEPLOYMENT, HTTP_ROUTE, SCALED_OBJECT, SERVICE
from canarykit.model import Action, Split
from canarykit.observe import observe
from canarykit.plan import plan
from canarykit.state import Clocks, Mark
from worlds import (
    APEX,
    DEAD,
    DOWN,
    HORIZONTAL,
    NEXT,
    NOW,
    OLD,
    ONE,
    PROGRESSIVE,
    PROMOTED,
    ROUTE,
    ROUTED,
    SO,
    TWO,
    Pods,
    World,
    action_on,
    finalising,
    in_analysis,
    late,
    promoting,
    rev,
    routed,
    verified,
)

INIT = World(phase=phases.INITIALIZING, target=TWO, paused=None)
DRAINED = {"clocks": Clocks(drain=NOW - 10)}
RISE, FALL = {"split": Split(60)}, {"split": Split(0)}
IDLE_ROUTED = World(provider=ROUTED, analysis=PROGRESSIVE, weight=60, target=TWO, paused=None)


def _on(world: World, kind: object, name: str) -> list[Action]:
    return action_on(world.plan(), kind, name)


def _primary(world: World) -> list[Action]:
    return _on(world, DEPLOYMENT, "podinfo-primary")


def _target(world: World) -> list[Action]:
    return _on(world, DEPLOYMENT, "podinfo")


def _source(world: World) -> list[Action]:
    return _on(world, SCALED_OBJECT, "podinfo-so")


def _weight_written(world: World) -> int | None:
    found = [action for action in world.plan() if action.ref == ROUTE and action.guard]
    return found[0].body["spec"]["rules"][0]["backendRefs"][1]["weight"] if found else None


def _apex_written(world: World) -> str | None:
    found = [action for action in world.plan() if action.ref == APEX and action.guard]
    return {"podinfo": "target", "podinfo-primary": "primary"}[found[0].body["spec"]["selector"]["app"]] if found else None


def test_every_guard_has_a_text_for_the_docs():
    """G1 to G10; G11 comes with Terminating. Those with a star are planned again from a live read."""
    assert list(TEXTS) == [f"G{number}" for number in range(1, 11)]
    assert all(TEXTS.values())
    assert set(TEXTS) - GUARDED == {"G2", "G5"}


# -- desired world ----------------------------------------------------------------------------------------------------

ROWS = [
    (World(phase=""), Desired()),
    (evolve(INIT, apex="target"), Desired(rev(PROMOTED), "alone", None)),
    (INIT, Desired(rev(PROMOTED), "down", 0)),
    (evolve(INIT, provider=ROUTED, analysis=PROGRESSIVE, apex="target"), Desired(rev(PROMOTED), "alone", 0)),
    (World(target=TWO), Desired(rev(PROMOTED), "down", 0)),
    (World(phase=phases.SUCCEEDED, target=TWO), Desired(rev(PROMOTED), "down", 0)),
    (World(phase=phases.FAILED, target=TWO), Desired(rev(PROMOTED), "down", 0)),
    (World(phase=phases.WAITING, target=TWO), Desired(rev(PROMOTED), "down", 0)),
    (in_analysis(), Desired(rev(PROMOTED), "up", 0)),
    (in_analysis(state={"split": Split(100)}), Desired(rev(PROMOTED), "up", 0)),
    (routed(), Desired(rev(PROMOTED), "up", 20)),
    (evolve(routed(), phase=phases.WAITING_PROMOTION), Desired(rev(PROMOTED), "up", 20)),
    (promoting(), Desired(rev(NEXT), "up", 0)),
    (evolve(routed(), phase=phases.PROMOTING), Desired(rev(NEXT), "up", 20)),
    (promoting(state={"undo": True, "pin": rev(OLD)}), Desired(rev(OLD), "down", 0)),
    (finalising(), Desired(rev(NEXT), "down", 0)),
]


@pytest.mark.parametrize(("world", "row"), ROWS, ids=[f"{world.phase or 'New'} {row.target} {row.weight}" for world, row in ROWS])
def test_desired_world_is_the_row_of_section_5(world, row):
    """The table before the override."""
    assert desired(world.snapshot()) == row


OVERRIDES = [
    ("primary dead", World(primary=DEAD, target=ONE), (100, "up", "target")),
    ("primary gone", World(primary=None, target=ONE), (100, "up", "target")),
    ("apex on the target already", World(primary=DEAD, target=ONE, apex="target"), (100, "up", "target")),
    ("apex gone", World(primary=DEAD, target=ONE, apex=None), (100, "up", "target")),
    ("target dead in the analysis", evolve(routed(), target=DEAD), (0, "up", "primary")),
    ("target dead at rest", World(target=DOWN), (0, "down", "primary")),
    ("both dead", evolve(routed(), target=DEAD, primary=DEAD), (20, "up", "")),
    ("both alive", routed(), (20, "up", "")),
    ("undo, primary dead", promoting(primary=DEAD, state={"undo": True}), (100, "up", "target")),
    ("finalising, primary dead", finalising(primary=DEAD), (100, "up", "target")),
    ("hand-over begun", evolve(INIT, primary=DEAD), (100, "up", "target")),
    ("hand-over not begun", evolve(INIT, primary=DEAD, apex="target"), (None, "alone", "")),
    ("new", World(phase="", primary=DEAD, target=TWO), (None, "alone", "")),
]


@pytest.mark.parametrize(("why", "world", "expected"), OVERRIDES, ids=[each[0] for each in OVERRIDES])
def test_requests_leave_a_side_without_ready_pods_while_the_other_has_some(why, world, expected):
    """Health override: a part of the desired world in every phase from the hand-over on."""
    wanted = desired(world.snapshot())
    assert (wanted.weight, wanted.target, wanted.override) == expected


@pytest.mark.parametrize(
    ("base", "side", "percent", "pods"),
    [
        (4, "target", 0, 1),
        (4, "target", 25, 1),
        (4, "target", 26, 2),
        (4, "target", 100, 4),
        (9, "target", 100, 4),
        (0, "primary", 100, 1),
        (3, "primary", 50, 2),
    ],
)
def test_need_is_a_share_of_base_within_the_scalers_maximum(base, side, percent, pods):
    """max(1, min(maximum, ceil(base x p / 100))); the maximum here is 4."""
    assert need(World().with_state(base=base).snapshot(), side, percent) == pods


def test_need_has_no_maximum_without_a_scaler():
    """Nobody limits it."""
    assert need(World(scaler=None).with_state(base=9).snapshot(), "target", 100) == 9


# -- G1, G2 -----------------------------------------------------------------------------------------------------------


def test_g1_creates_the_primary_from_the_kept_template():
    """W16: from the ControllerRevision of the pin, at base, whatever the target holds now."""
    world = World(primary=None, image=NEXT, target=ONE).with_state(base=3)
    (action,) = _primary(world)
    assert (action.verb, action.guard) == ("create", "G1")
    assert action.body["spec"]["replicas"] == 3
    assert action.body["spec"]["template"]["spec"]["containers"][0]["image"] == PROMOTED
    assert _primary(World()) == []


def test_g1_sets_the_template_of_the_pin():
    """Promoting: pin = attempted; the patch replaces the template whole."""
    (action,) = _primary(promoting())
    assert (action.verb, action.guard, action.body[0]["path"]) == ("json-patch", "G1", "/spec/template")
    assert action.body[0]["value"]["spec"]["containers"][0]["image"] == NEXT
    assert _primary(promoting(primary_image=NEXT)) == []


def test_g1_takes_a_failed_promotion_back():
    """Failed: pin = promoted."""
    (action,) = _primary(World(phase=phases.FAILED, image=NEXT, primary_image=NEXT, target=TWO).with_state(attempted=rev(NEXT)))
    assert action.body[0]["value"]["spec"]["containers"][0]["image"] == PROMOTED


@pytest.mark.parametrize(
    ("world", "size"),
    [
        (World(primary=DOWN, target=ONE), 2),
        (World(primary=ONE), None),
        (World(primary=ONE, scaler=None), 2),
        (World(primary=Pods(3, 3), scaler=None), None),
        (World(primary=DOWN, target=ONE, scaler=None), 2),
        (World(target=Pods(5, 5), scaler=None), None),
        (evolve(promoting(scaler=None, primary_image=NEXT), target=Pods(5, 5)), 5),
        (evolve(promoting(scaler=None, primary_image=NEXT, state={"undo": True}), target=Pods(5, 5)), None),
    ],
    ids=[
        "zeroed",
        "its scaler's business",
        "below base",
        "above base",
        "zeroed without scaler",
        "the target is bigger",
        "it is promoted",
        "it is undone",
    ],
)
def test_g1_sizes_the_primary(world, size):
    """0 replicas: base; without a scaler never below base."""
    assert [action.body["spec"]["replicas"] for action in _primary(world)] == ([] if size is None else [size])


def test_g1_sizes_a_primary_whose_source_scaler_is_gone():
    """Nobody else does."""
    objects = {ref: each for ref, each in World(primary=ONE).objects().items() if ref.name != "podinfo-so"}
    found = action_on(plan(observe(objects, ("test", "podinfo"), World().settings, NOW), NOW), DEPLOYMENT, "podinfo-primary")
    assert [action.body["spec"]["replicas"] for action in found] == [2]


def _primary_minimum(world: World) -> int:
    (action,) = _on(world, SCALED_OBJECT, "podinfo-so-primary")
    return action.body["spec"]["minReplicaCount"]


def test_g2_keeps_the_primary_big_while_requests_come_back():
    """Floor need(primary, 100) in Initializing and Promoting and whenever the split shall fall; else the spec's minimum."""
    base = {"base": 3}
    assert _primary_minimum(evolve(INIT, state=base)) == 3
    assert _primary_minimum(promoting(state=base)) == 3
    assert _primary_minimum(routed(weight=40, state={**base, "split": Split(20)})) == 3
    assert _primary_minimum(routed(state={**base, "split": Split(20)})) == 1
    assert _primary_minimum(World().with_state(**base)) == 1
    assert _primary_minimum(promoting(state={"base": 9})) == 4


def test_primary_may_go_to_zero_only_at_rest():
    """A ScaledObject without a minimum: one pod while a rollout lasts and until the row is reached, then KEDA's own business."""
    assert _primary_minimum(routed(minimum=None)) == 1
    assert _primary_minimum(World(minimum=0, target=TWO)) == 1
    assert _primary_minimum(World(minimum=0, apex="other")) == 1
    assert _primary_minimum(World(minimum=0)) == 0
    assert _primary(World(minimum=0, primary=DOWN)) == []
    assert len(_primary(World(minimum=1, primary=DOWN))) == 1


def test_primary_grows_with_the_target_during_bootstrap():
    """G5 compares them, and a primary without requests would never grow by itself."""
    grown = evolve(INIT, apex="target", target=Pods(3, 3))
    assert _primary_minimum(grown) == 3
    bare = evolve(grown, scaler=None)
    assert [action.body["spec"]["replicas"] for action in _primary(bare)] == [3]


# -- G3, G4 -----------------------------------------------------------------------------------------------------------

PAUSE = "autoscaling.keda.sh/paused-replicas"


def _pause_written(world: World) -> list[object]:
    return [action.body["metadata"]["annotations"][PAUSE] for action in _source(world) if action.guard == "G3"]


@pytest.mark.parametrize(
    ("world", "written"),
    [
        (evolve(in_analysis(), paused="0").with_state(pause_mark=Mark(None)), [None]),
        (evolve(in_analysis(), paused="0").with_state(pause_mark=Mark("4")), ["4"]),
        (evolve(in_analysis(), paused="0"), [None]),
        (evolve(in_analysis(), paused="4"), []),
        (evolve(in_analysis(), paused="4").with_state(pause_mark=Mark("4")), []),
        (in_analysis(), []),
        (World(paused="0"), []),
        (World(paused="0", primary=DEAD, target=ONE), [None]),
    ],
    ids=["ours", "the user's comes back", "a 0 without a mark", "the user's own", "restored", "none", "mode down", "override"],
)
def test_g3_undoes_our_pause_and_no_other(world, written):
    """Mode up; value := the one in the mark."""
    assert _pause_written(world) == written


def _minimum_written(world: World) -> list[object]:
    return [action.body["spec"]["minReplicaCount"] for action in _source(world) if action.guard == "G4"]


@pytest.mark.parametrize(
    ("world", "written"),
    [
        (routed(state=RISE), [2]),
        (evolve(routed(state=RISE), minimum=2).with_state(floor_mark=Mark(1)), []),
        (evolve(routed(state=RISE), minimum=3).with_state(floor_mark=Mark(3)), []),
        (routed(state={**RISE, "floor_mark": None}), []),
        (evolve(routed(state=RISE), target=None), []),
        (evolve(routed(), minimum=0).with_state(floor_mark=Mark(0)), [1]),
        (evolve(routed(), minimum=None).with_state(floor_mark=Mark(None)), [1]),
        (evolve(routed(), minimum=1).with_state(floor_mark=Mark(None)), []),
        (evolve(routed(), minimum=3).with_state(floor_mark=Mark(1)), [1]),
        (evolve(World(), minimum=3).with_state(floor_mark=Mark(1)), [1]),
        (evolve(World(), minimum=3).with_state(floor_mark=Mark(None)), [None]),
        (evolve(World(), minimum=1).with_state(floor_mark=Mark(1)), []),
        (World(minimum=3), []),
        (World(primary=DEAD, target=ONE).with_state(floor_mark=Mark(1), base=3), [3]),
        (routed(state={"split": Split(100), "base": 9}), [4]),
    ],
    ids=[
        "for the next weight",
        "is there",
        "the user's is enough",
        "no mark yet",
        "no target",
        "scale-to-zero source",
        "no minimum written",
        "raised from none",
        "less is enough again",
        "mode down",
        "mode down, none before",
        "given back",
        "no mark, no floor of ours",
        "override: everything",
        "never above the maximum",
    ],
)
def test_g4_floors_the_source_while_its_mark_is_in_the_status(world, written):
    """Mode up: max(old minimum, need); in every other case the old minimum again."""
    assert _minimum_written(world) == written


def test_g4_floors_a_source_with_an_idle_count():
    """KEDA's idleReplicaCount would undercut the floor."""
    objects = routed(minimum=2).with_state(floor_mark=Mark("2/0")).objects()
    source = next(each for ref, each in objects.items() if ref.name == "podinfo-so")
    source["spec"]["idleReplicaCount"] = 0
    found = action_on(plan(observe(objects, ("test", "podinfo"), World().settings, NOW), NOW), SCALED_OBJECT, "podinfo-so")
    assert [action.body for action in found] == [{"spec": {"minReplicaCount": 2, "idleReplicaCount": None}}]


# -- G5, G6, G7 -------------------------------------------------------------------------------------------------------

WATCH = Watch(NOW)


@pytest.mark.parametrize(
    ("world", "opens"),
    [
        (INIT, True),
        (evolve(INIT, primary=Pods(2, 1)), False),
        (evolve(INIT, image=NEXT, primary_image=NEXT), False),
        (evolve(INIT, primary_scaler=False), False),
        (evolve(INIT, primary_scaler=False, scaler=None), True),
        (evolve(INIT, target=Pods(3, 3)), False),
        (evolve(INIT, target=Pods(9, 9), primary=Pods(4, 4)), True),
        (evolve(INIT, target=DEAD), True),
    ],
    ids=[
        "all there",
        "not rolled",
        "another template",
        "no scaler yet",
        "none wanted",
        "smaller",
        "at its maximum",
        "target dead",
    ],
)
def test_g5_begins_the_hand_over(world, opens):
    """Primary rolled at the pin, its scaler made, as big as the target or its maximum."""
    snapshot = world.snapshot()
    assert (g5(snapshot, desired(snapshot), WATCH) == "") == opens


@pytest.mark.parametrize(
    ("world", "weight", "guard"),
    [
        (evolve(IDLE_ROUTED, weight=None), 0, "G9"),
        (evolve(IDLE_ROUTED, weight=None, primary=DEAD), 100, "G6"),
        (evolve(routed(), weight=None), 20, "G6"),
        (evolve(routed(state=RISE), weight=None, target=ONE), 0, "G9"),
    ],
    ids=["at rest", "primary dead", "at its step", "the canary is too small for its step"],
)
def test_deleted_route_is_made_again_where_requests_can_go(world, weight, guard):
    """In one write, at the step if the guard lets it."""
    (action,) = action_on(world.plan(), HTTP_ROUTE, "podinfo-svc")
    assert (_weight_written(world), action.guard) == (weight, guard)


def test_hand_over_is_route_at_0_first_then_apex():
    """Two passes: the apex waits until the route is there."""
    world = evolve(INIT, provider=ROUTED, analysis=PROGRESSIVE, apex="target", weight=None)
    assert (_weight_written(world), _apex_written(world)) == (0, None)
    assert (_weight_written(evolve(world, weight=0)), _apex_written(evolve(world, weight=0))) == (None, "primary")
    closed = evolve(world, primary=Pods(2, 1))
    assert (_weight_written(closed), _apex_written(closed)) == (None, None)


@pytest.mark.parametrize(
    ("world", "weight", "opens"),
    [
        (routed(), 60, True),
        (evolve(routed(), target=ONE), 60, False),
        (evolve(routed(), target=ONE), 50, True),
        (evolve(routed(), target=Pods(3, 2)), 60, False),
        (evolve(routed(), target=Pods(2, 2, reachable=1)), 60, False),
        (evolve(routed(), target=Pods(3, 1), primary=DEAD), 100, True),
        (evolve(routed(), target=DEAD, primary=DEAD), 60, False),
    ],
    ids=["room", "too small", "small is enough", "not rolled", "not reachable", "primary dead: any pod", "both dead"],
)
def test_g6_lets_the_split_rise_for_a_target_that_can_carry_it(world, weight, opens):
    """Target rolled, and ready pods >= need(target, w)."""
    assert (g6(world.snapshot(), weight, WATCH) == "") == opens
    moved = world.with_state(split=Split(weight))
    if world.primary != DEAD:
        assert _weight_written(moved) == (weight if opens else None)


@pytest.mark.parametrize(
    ("world", "to", "opens"),
    [
        (routed(), 0, True),
        (evolve(routed(), primary=ONE), 0, False),
        (evolve(routed(weight=80), primary=ONE), 50, True),
        (evolve(routed(), primary=ONE, target=DEAD), 0, True),
        (evolve(IDLE_ROUTED, primary_image=NEXT), 0, False),
        (evolve(IDLE_ROUTED, primary=Pods(2, 2, old=1)), 0, False),
        (IDLE_ROUTED, 0, True),
        (evolve(verified(provider=ROUTED, weight=60), primary=Pods(2, 2, old=1)), 0, False),
        (evolve(routed(), primary=Pods(2, 2, old=1)), 0, True),
        (evolve(IDLE_ROUTED, primary=ONE).with_state(clocks=late("room")), 0, True),
        (evolve(IDLE_ROUTED, primary=DEAD).with_state(clocks=late("room")), 0, False),
        (evolve(routed(), primary=Pods(2, 2, reachable=1)), 0, False),
    ],
    ids=[
        "room",
        "too small",
        "enough for the rest",
        "target dead: free",
        "idle: another template",
        "idle: an old pod",
        "idle",
        "promoting: an old pod",
        "progressing: old pods carry, too",
        "after a deadline whole",
        "but never to a dead primary",
        "not reachable",
    ],
)
def test_g7_lets_the_split_fall_for_a_primary_that_can_carry_it(world, to, opens):
    """Ready pods >= need(primary, 100-w); in idle phases and Promoting all of them run the pin."""
    assert (g7(world.snapshot(), to, WATCH) == "") == opens


@pytest.mark.parametrize(
    ("world", "carries"),
    [
        (evolve(IDLE_ROUTED, primary=ONE).with_state(base=4), None),
        (evolve(IDLE_ROUTED, primary=ONE, weight=100).with_state(base=4), 75),
        (evolve(IDLE_ROUTED, primary=ONE).with_state(base=2), 50),
        (evolve(IDLE_ROUTED, primary=ONE, primary_image=NEXT).with_state(base=2), None),
        (evolve(routed(weight=60, state=FALL), primary=ONE), 50),
        (evolve(routed(weight=60, state=FALL), phase=phases.WAITING_PROMOTION, primary=ONE), None),
        (evolve(verified(provider=ROUTED, weight=60), primary=ONE), None),
        (World(apex="target", target=TWO, primary=ONE).with_state(base=4), None),
    ],
    ids=[
        "carries no more than it has",
        "idle",
        "idle, half",
        "not the pin",
        "progressing",
        "waiting for promotion",
        "promoting",
        "kubernetes: whole or not at all",
    ],
)
def test_g7_shifts_as_far_as_the_primary_carries(world, carries):
    """Idle phases (primary at the pin) and Progressing: 100 - 100 x ready / base."""
    assert g7_partial(world.snapshot(), 0) == carries
    assert _weight_written(world) == carries


# -- G8, G9, G10 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "side"),
    [
        (World(primary=DEAD, target=ONE), "target"),
        (World(primary=DEAD, target=DEAD), None),
        (World(primary=DEAD, target=ONE, provider=ROUTED, analysis=PROGRESSIVE), None),
        (World(primary=TWO, target=TWO, apex="target"), "primary"),
        (World(primary=Pods(2, 1), target=TWO, apex="target"), None),
        (World(primary=TWO, target=TWO, apex="other"), "primary"),
        (World(primary=TWO, target=TWO, apex=None), "primary"),
        (World(primary=DEAD, target=DEAD, apex="other"), None),
        (World(primary=ONE, target=TWO, apex=None).with_state(base=4), "primary"),
        (World(primary=ONE, target=TWO, apex="other").with_state(base=4), "primary"),
        (World(primary=ONE, target=TWO, apex="target").with_state(base=4), None),
        (World(primary=DEAD, target=ONE, apex=None), "target"),
        (World(primary=ONE, target=TWO, apex="target", provider=ROUTED, analysis=PROGRESSIVE), "primary"),
        (evolve(INIT, apex="target"), "primary"),
        (evolve(INIT, apex="target", primary=Pods(2, 1)), None),
    ],
    ids=[
        "G8: primary dead",
        "G8: both dead",
        "G8: with a route only in Terminating",
        "G9",
        "G9: too small",
        "G9: a foreign write",
        "G9: deleted",
        "G9: deleted, nobody ready",
        "G9: deleted, any pod is better than none",
        "G9: foreign, likewise",
        "G9: the target serves: room first",
        "G8: deleted, primary dead",
        "G9: with a route one pod is enough",
        "G9: bootstrap",
        "G9: bootstrap, not ready",
    ],
)
def test_g8_and_g9_move_the_apex(world, side):
    """``kubernetes``: the apex is the split."""
    assert _apex_written(world) == side


def test_g9_wants_a_ready_primary():
    """At least one ready pod, whatever else holds."""
    snapshot = World(primary=DEAD, target=ONE, provider=ROUTED, analysis=PROGRESSIVE).snapshot()
    assert g9(snapshot, desired(snapshot), WATCH) == "primary has no ready pods"


G10 = World(target=TWO, paused=None).with_state(**DRAINED)
G10_CASES = [
    ("open", G10, ""),
    ("open: HPA needs no mark", evolve(G10, scaler=HORIZONTAL), ""),
    ("open: no scaler", evolve(G10, scaler=None), ""),
    ("open: no ready pods, no drain needed", evolve(G10, target=DEAD).with_state(clocks=Clocks()), ""),
    ("mode up", in_analysis(state=DRAINED), "the target is wanted up"),
    ("override", evolve(G10, primary=DEAD), "the target is wanted up"),
    ("split", evolve(G10, provider=ROUTED, analysis=PROGRESSIVE, weight=5), "requests are not observed back on the primary"),
    (
        "NotYet",
        evolve(G10, provider=ROUTED, analysis=PROGRESSIVE, programmed=False),
        "requests are not observed back on the primary",
    ),
    ("apex", evolve(G10, provider=ROUTED, analysis=PROGRESSIVE, apex="other"), "the apex Service does not select the primary"),
    ("primary dead, target too", evolve(G10, primary=DEAD, target=DEAD), "primary has no ready pods"),
    ("not reachable", evolve(G10, primary=Pods(2, 2, reachable=0)), "primary has no ready pods"),
    ("bootstrap: not rolled", evolve(G10, phase=phases.INITIALIZING, primary=Pods(2, 1)), "primary is not rolled"),
    ("no mark", G10.with_state(pause_mark=None), "the pause is not in the status yet"),
    ("drain not begun", G10.with_state(clocks=Clocks()), "draining for 10 s"),
    ("drain not over", G10.with_state(clocks=Clocks(drain=NOW - 9.9)), "draining for 10 s"),
]


@pytest.mark.parametrize(("why", "world", "closed"), G10_CASES, ids=[each[0] for each in G10_CASES])
def test_g10_takes_the_target_down_when_nobody_needs_it(why, world, closed):
    """Closed: neither pause nor 0. Open: the pause first, then 0."""
    snapshot = (
        world.with_state(pause_mark=Mark(None), **world.state).snapshot()
        if world.phase == phases.INITIALIZING
        else world.snapshot()
    )
    assert g10(snapshot, desired(snapshot), WATCH) == closed
    actions = [action for action in world.plan() if action.guard == "G10"]
    expected = [] if closed else ([SCALED_OBJECT.kind] if world.scaler == SO else []) + [DEPLOYMENT.kind]
    assert [action.ref.kind for action in actions] == expected


def test_g10_applies_to_corrections_too():
    """Somebody scaled the target at rest: down again, after the drain."""
    assert [action.body for action in _target(World(target=ONE).with_state(**DRAINED))] == [{"spec": {"replicas": 0}}]
    assert _target(World(target=ONE)) == []
    assert [action.guard for action in _source(World(paused=None))] == ["G10"]


# -- order ------------------------------------------------------------------------------------------------------------


def test_actions_stand_in_their_order():
    """Record, Services, primary, its scaler, floor, release, target up, route, apex, down."""
    world = evolve(
        routed(state={**RISE, "pause_mark": Mark(None)}), kept=(PROMOTED,), paused="0", apex="other", primary_image=NEXT
    )
    order = [(action.ref.kind, action.ref.name) for action in world.plan()]
    assert order == [
        ("ControllerRevision", order[0][1]),
        ("Service", "podinfo-svc-canary"),
        ("Service", "podinfo-svc-primary"),
        ("Deployment", "podinfo-primary"),
        ("ScaledObject", "podinfo-so-primary"),
        ("ScaledObject", "podinfo-so"),
        ("ScaledObject", "podinfo-so"),
        ("HTTPRoute", "podinfo-svc"),
        ("Service", "podinfo-svc"),
    ]


def test_target_comes_up_with_its_scaler_released_first():
    """Floor, release, then replicas; without a scaler as many as the primary has."""
    world = evolve(in_analysis(), target=DOWN, paused="0").with_state(pause_mark=Mark(None))
    assert [action.ref.name for action in (*_source(world), *_target(world))] == ["podinfo-so", "podinfo"]
    assert [action.body["spec"]["replicas"] for action in _target(world)] == [1]
    bare = evolve(in_analysis(scaler=None), target=DOWN)
    assert [action.body["spec"]["replicas"] for action in _target(bare)] == [2]


def test_every_action_carries_the_version_that_it_was_compared_with():
    """A race answers 409 and skips that action only; what is absent carries none."""
    for world in (World(image=NEXT, target=TWO, paused=None).with_state(**DRAINED), routed(state=RISE), promoting()):
        objects = world.objects()
        for action in world.plan():
            known = objects.get(action.ref)
            assert action.version == (known["metadata"].get("resourceVersion") if known else None)


HELD = [
    ("new", World(phase="", target=TWO)),
    ("suspended", World(target=TWO, spec={"suspend": True}).with_state(**DRAINED)),
    (
        "not accepted",
        World(target=TWO, spec={"analysis": {"interval": "soon", "threshold": 1, "iterations": 1}}).with_state(**DRAINED),
    ),
    ("being deleted", World(target=TWO, deleted=True).with_state(**DRAINED)),
    ("nothing to find the label on", World(target=None, primary=None)),
]


@pytest.mark.parametrize(("why", "world"), HELD, ids=[each[0] for each in HELD])
def test_plan_is_empty_while_the_canary_is_held(why, world):
    """Nothing else in the cluster changes."""
    assert world.plan() == ()


def test_plan_for_the_apex_keeps_a_users_own_service():
    """Only ports and selector of a Service that we do not own are changed."""
    objects = World(apex="target", target=ONE, primary=TWO).objects()
    del objects[APEX]["metadata"]["ownerReferences"]
    found = action_on(plan(observe(objects, ("test", "podinfo"), World().settings, NOW), NOW), SERVICE, "podinfo-svc")
    assert [(action.verb, action.guard) for action in found] == [("json-patch", "G9")]
