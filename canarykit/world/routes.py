"""The gateway: accepts HTTPRoutes at once, and says so in their status for the generation that it serves.

A backend without endpoints does not show in a route's status, as measured with a real gateway (rig.md). Which pods the
requests reach is `traffic`.
"""

from collections.abc import Mapping
from typing import Any

from canarykit.dicts import at
from canarykit.kinds import HTTP_ROUTE
from canarykit.model import Ref
from canarykit.times import stamp
from canarykit.world.behaviour import Behaviour
from canarykit.world.traffic import QUIET, Traffic
from canarykit.world.view import Step, View, is_going, joined, status_writes

CONTROLLER = "sandbox.canarykit.dev/gateway"


def step(view: View, now: float, behaviour: Behaviour, traffic: Traffic = QUIET) -> Step:
    """Write Accepted and ResolvedRefs for every parent of every HTTPRoute."""
    return joined(_route(ref, route, now) for ref, route in view.of_kind(HTTP_ROUTE) if not is_going(route))


def _route(ref: Ref, route: Mapping[str, Any], now: float) -> Step:
    generation = at(route, "metadata", "generation", default=1)
    before = {str(each.get("parentRef")): each for each in at(route, "status", "parents", default=())}
    parents = [_parent(each, before.get(str(each), {}), generation, now) for each in at(route, "spec", "parentRefs", default=())]
    return Step(status_writes(ref, route, {"parents": parents}))


def _parent(parent: Mapping[str, Any], before: Mapping[str, Any], generation: int, now: float) -> dict[str, Any]:
    since = at(before, "conditions", 0, "lastTransitionTime", default=stamp(now))
    texts = {"Accepted": "Accepted", "ResolvedRefs": "ResolvedRefs"}
    conditions = [
        {
            "type": kind,
            "status": "True",
            "reason": reason,
            "message": "",
            "observedGeneration": generation,
            "lastTransitionTime": since,
        }
        for kind, reason in texts.items()
    ]
    return {"parentRef": dict(parent), "controllerName": CONTROLLER, "conditions": conditions}
