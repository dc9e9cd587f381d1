"""Provider ``gatewayapi:v1``: one HTTPRoute named like the apex Service carries the split as backend weights.

It is written by one function, for the first time, for a step and as a repair alike, so nothing snaps back (W12). Matched traffic
(A/B) and session affinity are not here. Source: routers.md section 3.2.
"""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

from attrs import frozen

from canarykit.dicts import Manifest, at, pruned
from canarykit.errors import SpecError
from canarykit.kinds import HTTP_ROUTE, SERVICE, Kind
from canarykit.metadata import owner_reference
from canarykit.model import NotYet, Ref, Split
from canarykit.names import FLUX_OPT_OUT, Names
from canarykit.routers.gatewayapi_rules import filters_of, matches_of, timeouts_of
from canarykit.spec import Canary, Service

GATEWAY_GROUP = "gateway.networking.k8s.io"
MIRROR = "RequestMirror"


@frozen
class GatewayApi:
    """Router for HTTPRoutes of one served version."""

    name: str = "gatewayapi:v1"
    kind: Kind = HTTP_ROUTE
    routed: bool = True
    capabilities: frozenset[str] = frozenset({"weights", "mirror"})

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that are written."""
        return (self.kind,)

    def refs(self, canary: Canary, names: Names) -> tuple[Ref, ...]:
        """Return the reference to the route."""
        return (Ref.to(self.kind, names.namespace, names.apex),)

    def desired(self, canary: Canary, names: Names, split: Split) -> tuple[dict[str, Any], ...]:
        """Return the complete HTTPRoute that sends ``split.weight`` percent to the canary Service, the rest to the primary's.

        Both weights are always written, also 0. With ``split.mirror`` the last filter copies all requests to the canary.

        Raises:
            SpecError: no ``gatewayRefs``, or a match that an HTTPRoute cannot say.
        """
        service = canary.spec.service
        if not service.gateway_refs:
            advice = "Name the Gateway (or Service) that the route belongs to."
            raise SpecError("spec.service.gatewayRefs", "is empty", next_step=advice)
        route_spec = {
            "parentRefs": [dict(reference) for reference in service.gateway_refs],
            "hostnames": list(service.hosts),
            "rules": [_rule(service, names, split)],
        }
        return (
            {
                "apiVersion": self.kind.api_version,
                "kind": self.kind.kind,
                "metadata": {
                    "name": names.apex,
                    "namespace": names.namespace,
                    "labels": dict(service.apex.labels),
                    "annotations": {**service.apex.annotations, **FLUX_OPT_OUT},
                    "ownerReferences": [owner_reference(canary.manifest)],
                },
                "spec": {key: member for key, member in route_spec.items() if member},
            },
        )

    def written(self, canary: Canary, names: Names, objects: Mapping[Ref, Manifest]) -> Split | None:
        """Return the split in the route's spec, or None when there is no route that names one of our Services.

        Of several rules (somebody added one) the largest share of the canary counts: whoever asks "does it still get
        requests" must not be told no. Any share above 0 is at least 1, any share of the primary leaves at most 99.
        """
        route = self._route(canary, names, objects)
        shares = [_share(rule, names) for rule in at(route, "spec", "rules", default=())]
        known = [share for share in shares if share is not None]
        if not known:
            return None
        mirror = any(_mirrors_to(rule, names.apex_canary) for rule in at(route, "spec", "rules", default=()))
        return Split(max(known), mirror)

    def observed(self, canary: Canary, names: Names, objects: Mapping[Ref, Manifest]) -> Split | NotYet | None:
        """Return the written split once every parent of the route has accepted its present generation; else NotYet.

        A parent without a status is NotYet, too (upstream lets it pass). None: no route of ours.
        """
        written = self.written(canary, names, objects)
        route = self._route(canary, names, objects)
        if written is None or route is None:
            return None
        why_not = _not_accepted(route)
        return NotYet(why_not) if why_not else written

    def same(self, observed: Manifest, wanted: Manifest) -> bool:
        """Tell whether an observed route says what is wanted: parents, host names and rules exactly, but for server defaults.

        Labels and annotations by subset: foreign ones are ignored.
        """
        for member in ("labels", "annotations"):
            live = at(observed, "metadata", member, default={})
            if any(live.get(key) != text for key, text in at(wanted, "metadata", member, default={}).items()):
                return False
        parents = [
            pruned([_parent(each, wanted) for each in at(one, "spec", "parentRefs", default=())]) for one in (observed, wanted)
        ]
        hosts = [list(at(one, "spec", "hostnames", default=())) for one in (observed, wanted)]
        return (
            parents[0] == parents[1]
            and hosts[0] == hosts[1]
            and _exact(at(observed, "spec", "rules", default=[]), at(wanted, "spec", "rules", default=[]))
        )

    def _route(self, canary: Canary, names: Names, objects: Mapping[Ref, Manifest]) -> Manifest | None:
        return objects.get(self.refs(canary, names)[0])


def _rule(service: Service, names: Names, split: Split) -> dict[str, Any]:
    def backend(name: str) -> dict[str, Any]:
        return {"group": SERVICE.group, "kind": SERVICE.kind, "name": name, "port": service.port}

    mirror = {"type": MIRROR, "requestMirror": {"backendRef": backend(names.apex_canary)}}
    rule = {
        "matches": matches_of(service.match),
        "filters": [*filters_of(service), *([mirror] if split.mirror else [])],
        "timeouts": timeouts_of(service),
        "backendRefs": [
            {**backend(names.apex_primary), "weight": 100 - split.weight},
            {**backend(names.apex_canary), "weight": split.weight},
        ],
    }
    return {key: member for key, member in rule.items() if member}


def _share(rule: Manifest, names: Names) -> int | None:
    """The canary's percentage among our two Services in one rule; None when it names neither."""
    weights = {names.apex_primary: 0, names.apex_canary: 0}
    named = False
    for backend in at(rule, "backendRefs", default=()):
        if backend.get("name") in weights and (backend.get("kind") or SERVICE.kind) == SERVICE.kind:
            weights[backend["name"]] += int(at(backend, "weight", default=1))
            named = True
    if not named:
        return None
    canary, primary = weights[names.apex_canary], weights[names.apex_primary]
    if not canary:
        return 0
    return min(99, ceil(100 * canary / (canary + primary))) if primary else 100


def _mirrors_to(rule: Manifest, service: str) -> bool:
    filters = at(rule, "filters", default=())
    return any(each.get("type") == MIRROR and at(each, "requestMirror", "backendRef", "name") == service for each in filters)


def _parent(reference: Manifest, route: Manifest) -> dict[str, Any]:
    """A parentRef with what the API server and its namespace fill in, so that two of them can be compared."""
    namespace = at(route, "metadata", "namespace", default="")
    return {"group": GATEWAY_GROUP, "kind": "Gateway", "namespace": namespace, **reference}


def _not_accepted(route: Manifest) -> str:
    """Say which parent has not accepted the present generation of the route, or ""."""
    generation = int(at(route, "metadata", "generation", default=0))
    statuses = at(route, "status", "parents", default=())
    for reference in at(route, "spec", "parentRefs", default=()):
        wanted = _parent(reference, route)
        answers = [status for status in statuses if _parent(at(status, "parentRef", default={}), route) == wanted]
        name = f"{wanted['kind']} {wanted['namespace']}/{wanted['name']}"
        if not answers:
            return f"{name} has not answered for HTTPRoute {route['metadata']['name']} yet"
        for status in answers:
            why_not = _answer(at(status, "conditions", default=()), generation)
            if why_not:
                return f"{name} {why_not}"
    return ""


def _answer(conditions: Iterable[Manifest], generation: int) -> str:
    accepted = next((each for each in conditions if each.get("type") == "Accepted"), None)
    if accepted is None:
        return "does not say whether it accepts the route"
    if int(accepted.get("observedGeneration") or 0) < generation:
        return "has not seen the newest route yet"
    if accepted.get("status") != "True":
        return f"does not accept the route: {accepted.get('reason') or ''} {accepted.get('message') or ''}".strip()
    return ""


def _exact(observed: Any, wanted: Any) -> bool:
    """Compare by subset for what an API server fills in (single values and maps), and exactly for lists, absent ones included."""
    if isinstance(wanted, Mapping):
        if not isinstance(observed, Mapping):
            return False
        added = observed.keys() - wanted.keys()
        if any(observed[key] and (isinstance(observed[key], list) or key in RULE_MEMBERS) for key in added):
            return False
        return all(_exact(observed.get(key), member) for key, member in wanted.items())
    if isinstance(wanted, list):
        mine = observed or []
        return len(mine) == len(wanted) and all(_exact(one, other) for one, other in zip(mine, wanted, strict=True))
    return bool(observed == wanted)


# Members that change where requests go or how, and that no API server fills in.
RULE_MEMBERS = frozenset({"timeouts", "retry", "sessionPersistence", "method"})
