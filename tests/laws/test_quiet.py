"""Table = code (I16): from any world, `plan` alone reaches its phase's row of decisions.md section 5 and is then quiet.

The worlds are drawn with a seed: who has pods, whether they are ready, where apex and route send requests, what the scaler is
paused at. On the way no action may break I1 (requests to a side without ready pods), I2 (room) or I7 (target down too early).
"""

import random

import pytest
from attrs import evolve

from canarykit import phases
from canarykit.desired import DOWN, UP, desired, need
from canarykit.dicts import at
from canarykit.kinds import DEPLOYMENT
from canarykit.model import Action, Split
from canarykit.snapshot import Snapshot
from canarykit.state import Clocks, Mark
from canarykit.world import Behaviour, ImageBehaviour
from house import House
from worlds import BLUE_GREEN, HORIZONTAL, NEXT, NOW, OLD, PROGRESSIVE, PROMOTED, ROUTED, SO, Pods, World, rev

PHASES = phases.ALL[1:]
SEEDS = range(8)
ROUND_S, ROUNDS, QUIET_ROUNDS = 3.0, 60, 5


def _drawn(phase: str, seed: int) -> World:
    """A world of ``phase``, with anything possible where nobody has looked yet."""
    draw = random.Random(f"{phase}/{seed}")
    provider = draw.choice(["kubernetes", ROUTED])
    scaler = draw.choice([SO, SO, HORIZONTAL, None])
    # Nobody but its user sizes a target without a scaler, unless it is at 0: too small a one would be rolled back (P9).
    target, primary = draw.choice([0, 1, 2, 3] if scaler else [0, 3]), draw.choice([None, 0, 1, 2, 2, 3])
    active = phase in phases.ACTIVE
    undo = phase == phases.PROMOTING and draw.random() < 0.25
    world = World(
        phase=phase,
        provider=provider,
        scaler=scaler,
        image=NEXT if active else PROMOTED,
        primary_image=draw.choice([OLD, PROMOTED, NEXT]),
        target=Pods(target, 0),
        primary=None if primary is None else Pods(primary, 0),
        apex=draw.choice(["primary", "primary", "target", "other", None]),
        weight=draw.choice([None, 0, 20, 100]),
        paused=draw.choice([None, "0", "2"]),
        minimum=draw.choice([None, 0, 1, 2]),
        primary_scaler=draw.random() < 0.6,
        analysis=PROGRESSIVE if provider == ROUTED else BLUE_GREEN,
    )
    analysed = phase in phases.ANALYSIS | {phases.PROMOTING}
    split = draw.choice([0, 20, 60, 100]) if provider == ROUTED and analysed and not undo else 0
    marks = {
        "pause_mark": Mark(None) if world.scaler == SO else None,
        "floor_mark": Mark(world.minimum) if world.scaler else None,
    }
    pin = {"pin": rev(OLD), "undo": True} if undo else {}
    return world.with_state(split=Split(split), clocks=Clocks(drain=NOW - 1000), base=draw.choice([1, 2, 3]), **marks, **pin)


def _house(world: World, seed: int, behaviour: Behaviour | None = None) -> House:
    house = House(behaviour)
    house.place(world.objects())
    if seed % 2:
        house.run(8)  # pods have become ready; otherwise none is yet
    else:
        house.settle()
    return house


def _shares(snapshot: Snapshot) -> dict[str, int]:
    """The share of requests that each side gets by what is written."""
    written = snapshot.written
    return {} if written is None else {"target": written.weight, "primary": 100 - written.weight}


def _check(before: Snapshot, after: Snapshot, action: Action) -> None:
    ready = {"target": before.target_health.ready, "primary": before.primary_health.ready}
    old, new = _shares(before), _shares(after)
    for side, other in (("target", "primary"), ("primary", "target")):
        rises = new.get(side, 0) > old.get(side, 0)
        assert not (rises and not ready[side] and ready[other]), f"I1: requests to a {side} without ready pods: {action}"
        if (
            rises
            and old
            and ready[other]
            and before.state.phase != phases.INITIALIZING
            and before.router
            and before.router.routed
        ):
            assert ready[side] >= need(before, side, new[side]), f"I2: {side} has no room for {new[side]} %: {action}"
    if action.guard == "G10":
        assert isinstance(before.observed, Split), "I7"
        assert (before.observed.weight, before.apex_side, ready["primary"] > 0) == (0, "primary", True), f"I7: {action}"


def _play(house: House) -> None:
    """Carry plans out until nothing is left to do for a while."""
    quiet = 0
    for _ in range(ROUNDS):
        actions = house.plan()
        for action in actions:
            before = house.snapshot()
            if house.carry_out(action):
                _check(before, house.snapshot(), action)
        quiet = 0 if actions else quiet + 1
        if quiet == QUIET_ROUNDS:
            return
        house.run(ROUND_S)
    raise AssertionError(f"not quiet: {[(str(each.ref), each.guard, each.reason) for each in house.done[-6:]]}")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("phase", PHASES)
def test_plan_alone_reaches_the_row_of_the_phase_and_is_then_quiet(phase, seed):
    """Everything gets ready in time, so the row is reached whole."""
    world = _drawn(phase, seed)
    house = _house(world, seed)
    _play(house)
    snapshot = house.snapshot()
    wanted = desired(snapshot)
    rests_at_zero = wanted.target == DOWN and world.scaler == SO and not world.minimum
    assert snapshot.primary_rolled or rests_at_zero, snapshot.primary_health
    assert snapshot.primary_at(wanted.pin)
    assert snapshot.apex_side == "primary"
    assert snapshot.observed == Split(wanted.weight or 0)
    assert wanted.override in ("", "primary")
    _assert_target(world, snapshot, wanted.target)
    _assert_primary_scaler(world, snapshot)
    assert {ref.name for ref in house.objects if ref.kind == "ControllerRevision"} >= {
        f"podinfo-{revision.removeprefix('ck1-')}" for revision in (wanted.pin,)
    }


def _assert_target(world: World, snapshot: Snapshot, mode: str) -> None:
    source, scaler = snapshot.source_scaler, snapshot.scaler
    if mode == DOWN:
        assert (at(snapshot.target, "spec", "replicas"), snapshot.target_health.replicas_total) == (0, 0)
        if source is not None and scaler is not None:
            assert scaler.is_paused(source) == scaler.has_pause
            assert scaler.minimum_as_written(source) == world.minimum
        return
    assert mode == UP
    assert snapshot.target_health.rolled
    held_by_user = world.scaler == SO and world.paused == "2"
    assert held_by_user or snapshot.target_health.ready >= need(snapshot, "target", desired(snapshot).weight or 0)
    if source is not None and scaler is not None:
        assert scaler.paused_value(source) in (None, "2" if world.paused == "2" else None)
        needed = need(snapshot, "target", desired(snapshot).weight or 0)
        floored = max(needed, scaler.minimum_in(world.minimum))
        kept = world.minimum if needed <= scaler.fewest_in(world.minimum) else floored
        assert scaler.minimum_as_written(source) == kept


def _assert_primary_scaler(world: World, snapshot: Snapshot) -> None:
    copy = snapshot.primary_scaler
    assert (copy is not None) == (world.scaler is not None)
    if copy is not None and snapshot.scaler is not None:
        floored = snapshot.state.phase in (phases.INITIALIZING, phases.PROMOTING)
        least = need(snapshot, "primary", 100) if floored else 0
        assert snapshot.scaler.bounds(copy)[0] >= least
    asked = at(snapshot.primary, "spec", "replicas", default=1)
    assert asked >= (snapshot.state.base if world.scaler is None else 0 if world.scaler == SO and not world.minimum else 1)


DEAD_PRIMARY = Behaviour(images=(ImageBehaviour(pod_prefix="podinfo-primary", never_ready=True),))
DEAD_TARGET = Behaviour(images=(ImageBehaviour(image_suffix=NEXT.partition(":")[2], pod_prefix="podinfo-", never_ready=True),))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("phase", PHASES)
def test_requests_stay_on_the_target_while_the_primary_cannot_get_ready(phase, seed):
    """The override's row: split 100 wherever the target has pods, nothing is taken down, and then it is quiet."""
    world = _drawn(phase, seed)
    house = _house(world, seed, DEAD_PRIMARY)
    target = house.objects[next(ref for ref in house.objects if (ref.kind, ref.name) == (DEPLOYMENT.kind, "podinfo"))]
    assert target
    _play(house)
    snapshot = house.snapshot()
    assert not [action for action in house.done if action.guard == "G10"]
    if not snapshot.target_health.ready:
        return
    if phase == phases.INITIALIZING and not snapshot.handed_over:
        assert snapshot.apex_side != "primary"
    elif snapshot.observed is not None:
        assert snapshot.observed == Split(100)


@pytest.mark.parametrize("phase", [phases.PROGRESSING, phases.WAITING_PROMOTION])
@pytest.mark.parametrize("seed", range(4))
def test_requests_stay_on_the_primary_while_the_target_cannot_get_ready(phase, seed):
    """Split 0, and no weight rises."""
    world = evolve(_drawn(phase, seed), primary=Pods(2, 0), primary_image=PROMOTED, apex="primary")
    house = _house(world, 1, DEAD_TARGET)
    _play(house)
    assert house.snapshot().observed == Split(0)
    assert not [action for action in house.done if action.guard in ("G6", "G8")]
