"""Routers: what moves requests between primary and canary. One registry, one file per technology.

A router writes its objects with one function of (Canary, split) and reads the split back in two ways: as written in the spec, and
as the route says that it is programmed. It never looks at phases or steps.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from canarykit.dicts import Manifest
from canarykit.errors import Problem, SpecError, UnknownName
from canarykit.kinds import Kind
from canarykit.model import NotYet, Ref, Split
from canarykit.names import Names
from canarykit.routers.gatewayapi import GatewayApi
from canarykit.routers.kubernetes import Kubernetes
from canarykit.spec import Canary

__all__ = ["ROUTERS", "Router", "route_problems", "router_for"]


class Router(Protocol):
    """What the corridor asks of a provider. Nothing changes its arguments."""

    @property
    def name(self) -> str:
        """The value of ``spec.provider``."""

    @property
    def routed(self) -> bool:
        """Whether requests are moved by weights in an object of its own; False: they follow the apex Service."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds it writes: for watches, access rules and docs."""

    @property
    def capabilities(self) -> frozenset[str]:
        """What it can do: ``weights``, ``mirror``, ``match``."""

    def refs(self, canary: Canary, names: Names) -> tuple[Ref, ...]:
        """Return the references to its objects for this Canary."""

    def desired(self, canary: Canary, names: Names, split: Split) -> tuple[dict[str, Any], ...]:
        """Return its objects, complete, for a split: the only writer, for the first time, steps and repairs (W12)."""

    def written(self, canary: Canary, names: Names, objects: Mapping[Ref, Manifest]) -> Split | None:
        """Return the split in the spec of its objects; None when there is no route of ours."""

    def observed(self, canary: Canary, names: Names, objects: Mapping[Ref, Manifest]) -> Split | NotYet | None:
        """Return the split that is programmed, NotYet while the written one is not, None when there is no route of ours."""

    def same(self, observed: Manifest, wanted: Manifest) -> bool:
        """Tell whether an observed object says what is wanted: routing exactly, foreign labels and annotations ignored."""


ROUTERS: dict[str, Router] = {
    "gatewayapi:v1": GatewayApi(),
    "kubernetes": Kubernetes(),
}


def router_for(provider: str) -> Router:
    """Return the router for ``spec.provider``; raises UnknownName, which lists the known ones. Never a guess."""
    try:
        return ROUTERS[provider]
    except KeyError:
        raise UnknownName("spec.provider", provider, ROUTERS) from None


def route_problems(router: Router, canary: Canary, names: Names) -> tuple[Problem, ...]:
    """Return what keeps the router from writing its objects for this Canary at all (a match that it cannot say, no parent)."""
    try:
        router.desired(canary, names, Split())
    except SpecError as error:
        return (error.problem,)
    return ()
