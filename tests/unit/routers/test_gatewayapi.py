"""The HTTPRoute of provider gatewayapi:v1: what is written, what is read back, and what counts as the same."""

from copy import deepcopy

import pytest

from canarykit.dicts import put
from canarykit.errors import SpecError, UnknownName
from canarykit.model import NotYet, Split
from canarykit.routers import ROUTERS, route_problems, router_for
from unit.routers.shop import GATEWAY, a_canary, a_route, a_router, accepted, in_world, names_of


def backends(primary, canary, port=8080):
    def one(name, weight):
        return {"group": "", "kind": "Service", "name": name, "port": port, "weight": weight}

    return [one("podinfo-primary", primary), one("podinfo-canary", canary)]


def read(*manifests, canary=None):
    canary = canary or a_canary()
    return a_router().written(canary, names_of(canary), in_world(*manifests))


def observed(route):
    return a_router().observed(a_canary(), names_of(a_canary()), in_world(route))


def answered(route, generation, *statuses):
    route = put(route, ("metadata", "generation"), generation)
    return {**route, "status": {"parents": list(statuses)}}


def with_rule(route, **members):
    rule = {**route["spec"]["rules"][0], **members}
    return put(route, ("spec", "rules"), [{key: member for key, member in rule.items() if member is not None}])


def test_route_is_written_as_the_reference_shows():
    assert a_route(Split(30)) == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": "podinfo",
            "namespace": "test",
            "labels": {},
            "annotations": {
                "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
                "helm.toolkit.fluxcd.io/driftDetection": "disabled",
            },
            "ownerReferences": [
                {
                    "apiVersion": "flagger.app/v1beta1",
                    "kind": "Canary",
                    "name": "podinfo",
                    "uid": "c0de",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "parentRefs": [GATEWAY],
            "hostnames": ["shop.example.org"],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "timeouts": {"request": "4s"},
                    "backendRefs": backends(70, 30),
                }
            ],
        },
    }


def test_weights_are_written_also_when_zero():
    assert a_route(Split(0))["spec"]["rules"][0]["backendRefs"] == backends(100, 0)
    assert a_route(Split(100))["spec"]["rules"][0]["backendRefs"] == backends(0, 100)


def test_mirror_is_the_last_filter():
    canary = a_canary(mirror=[{"backendRef": {"name": "audit", "port": 80}}])
    filters = a_route(Split(0, mirror=True), canary)["spec"]["rules"][0]["filters"]
    assert filters == [
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "audit", "port": 80}}},
        {
            "type": "RequestMirror",
            "requestMirror": {"backendRef": {"group": "", "kind": "Service", "name": "podinfo-canary", "port": 8080}},
        },
    ]


def test_w12_one_writer_for_every_split_changes_weights_only():
    """An edited spec is written at the present split; nothing goes back to 100/0."""
    edited = a_route(Split(45), a_canary(timeout="9s"))
    assert edited["spec"]["rules"][0]["backendRefs"] == backends(55, 45)
    assert edited["spec"]["rules"][0]["timeouts"] == {"request": "9s"}
    for weight in (0, 45, 100):
        assert with_rule(a_route(Split(weight)), backendRefs=[]) == with_rule(a_route(Split(0)), backendRefs=[])


@pytest.mark.parametrize("split", [Split(0), Split(1), Split(45), Split(100), Split(0, True), Split(50, True)])
def test_written_split_is_read_back(split):
    assert read(a_route(split)) == split


def test_route_that_does_not_name_our_services_is_not_ours():
    """A user's own route under the apex name, and a Canary without any."""
    foreign = with_rule(a_route(Split(0)), backendRefs=[{"name": "podinfo", "port": 80}])
    assert read(foreign) is None
    assert read() is None
    assert observed(foreign) is None


@pytest.mark.parametrize(
    ("rule_weights", "share"),
    [
        ([(70, 30), (100, 0)], 30),
        ([(100, 0), (70, 30)], 30),
        ([(2, 1)], 34),
        ([(999, 1)], 1),
        ([(1, 999)], 99),
        ([(0, 5)], 100),
        ([(0, 0)], 0),
    ],
)
def test_share_of_the_canary_is_never_told_smaller_than_it_is(rule_weights, share):
    rules = [{"backendRefs": backends(primary, canary)} for primary, canary in rule_weights]
    assert read(put(a_route(Split(0)), ("spec", "rules"), rules)) == Split(share)


def test_backend_without_a_weight_has_weight_one():
    lone = [{"name": "podinfo-canary", "port": 8080}]
    assert read(with_rule(a_route(Split(0)), backendRefs=lone)) == Split(100)


def test_split_is_observed_once_the_parent_accepted_the_present_generation():
    assert observed(answered(a_route(Split(30)), 4, accepted(GATEWAY, 4))) == Split(30)


@pytest.mark.parametrize(
    ("statuses", "why"),
    [
        ((), "Gateway infra/edge has not answered for HTTPRoute podinfo yet"),
        ((accepted(GATEWAY, 3),), "has not seen the newest route"),
        ((accepted(GATEWAY, 4, "False"),), "does not accept the route: NoMatchingParent"),
        ((accepted({**GATEWAY, "name": "other"}, 4),), "has not answered"),
        ((accepted({**GATEWAY, "sectionName": "https"}, 4),), "has not answered"),
        ((accepted(GATEWAY, 4), accepted(GATEWAY, 4, "False", "second.example/gw")), "does not accept"),
        (({"parentRef": GATEWAY, "conditions": []},), "does not say whether"),
    ],
    ids=["no status", "older generation", "refused", "another parent", "another listener", "second controller", "no condition"],
)
def test_route_that_is_not_programmed_is_not_yet(statuses, why):
    result = observed(answered(a_route(Split(30)), 4, *statuses))
    assert isinstance(result, NotYet)
    assert why in result.why


def test_every_parent_has_to_accept():
    mesh = {"group": "", "kind": "Service", "name": "podinfo", "port": 8080}
    route = put(a_route(Split(30)), ("spec", "parentRefs"), [GATEWAY, mesh])
    assert isinstance(observed(answered(route, 1, accepted(GATEWAY, 1))), NotYet)
    in_full = {**mesh, "namespace": "test"}
    assert observed(answered(route, 1, accepted(GATEWAY, 1), accepted(in_full, 1))) == Split(30)


def test_defaults_of_a_parent_reference_do_not_make_another_parent():
    """Status and spec may each leave out group, kind and the route's own namespace."""
    route = put(a_route(Split(30)), ("spec", "parentRefs"), [{"name": "edge"}])
    full = {**GATEWAY, "namespace": "test"}
    assert observed(answered(route, 1, accepted(full, 1))) == Split(30)


def as_served(route):
    """What an API server and others make of a route without changing what it says."""
    rule = route["spec"]["rules"][0]
    live = with_rule(route, backendRefs=[{**each, "weight": each["weight"]} for each in rule["backendRefs"]], name="added")
    live = put(live, ("metadata", "labels"), {"argocd.example/instance": "x"})
    live = put(live, ("metadata", "annotations", "foreign.example/note"), "kept")
    return put(live, ("metadata", "resourceVersion"), "77")


def test_server_defaults_and_foreign_metadata_are_no_difference():
    wanted = a_route(Split(30), a_canary(corsPolicy={"allowOrigin": ["*"]}, gatewayRefs=[{"name": "edge"}]))
    live = as_served(wanted)
    live["spec"]["parentRefs"] = [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}]
    cors = live["spec"]["rules"][0]["filters"][0]
    live = with_rule(live, filters=[{**cors, "cors": {**cors["cors"], "maxAge": 5}}])
    assert a_router().same(live, wanted)
    assert a_router().same(put(live, ("spec", "hostnames"), wanted["spec"]["hostnames"]), wanted)


@pytest.mark.parametrize(
    "changed",
    [
        with_rule(a_route(Split(30)), backendRefs=backends(60, 40)),
        with_rule(a_route(Split(30)), backendRefs=[*backends(70, 30), {"name": "third", "port": 1}]),
        with_rule(a_route(Split(30)), backendRefs=backends(70, 30)[:1]),
        with_rule(a_route(Split(30)), filters=[{"type": "RequestRedirect"}]),
        with_rule(a_route(Split(30)), timeouts={"request": "5s"}),
        with_rule(a_route(Split(30)), timeouts=None),
        with_rule(a_route(Split(30)), retry={"attempts": 3}),
        with_rule(a_route(Split(30)), matches=[{"path": {"type": "PathPrefix", "value": "/api"}}]),
        with_rule(a_route(Split(30)), matches=[{"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"name": "a"}]}]),
        with_rule(a_route(Split(30)), matches=[{"path": {"type": "PathPrefix", "value": "/"}, "method": "GET"}]),
        put(a_route(Split(30)), ("spec", "rules"), a_route(Split(30))["spec"]["rules"] * 2),
        put(a_route(Split(30)), ("spec", "rules"), []),
        put(a_route(Split(30)), ("spec", "hostnames"), []),
        put(a_route(Split(30)), ("spec", "parentRefs"), [{**GATEWAY, "sectionName": "https"}]),
        put(a_route(Split(30)), ("spec", "parentRefs"), [GATEWAY, {"name": "second"}]),
        put(a_route(Split(30)), ("metadata", "annotations"), {}),
    ],
)
def test_hand_edit_of_what_we_say_is_a_difference(changed):
    assert not a_router().same(changed, a_route(Split(30)))


def test_added_timeout_is_a_difference_where_none_is_wanted():
    wanted = a_route(Split(0), a_canary(timeout=None))
    assert "timeouts" not in wanted["spec"]["rules"][0]
    assert not a_router().same(with_rule(wanted, timeouts={"request": "1s"}), wanted)


def test_matches_are_mapped_and_sorted_by_name():
    match = {
        "uri": {"prefix": "/api"},
        "method": {"exact": "GET"},
        "headers": {"x-b": {"regex": "^b"}, "x-a": {"exact": "a"}},
        "queryParams": {"q": {"exact": "1"}},
    }
    rule = a_route(Split(0), a_canary(match=[match, {"headers": {"h": {"exact": "1"}}}]))["spec"]["rules"][0]
    assert rule["matches"] == [
        {
            "path": {"type": "PathPrefix", "value": "/api"},
            "method": "GET",
            "headers": [
                {"type": "Exact", "name": "x-a", "value": "a"},
                {"type": "RegularExpression", "name": "x-b", "value": "^b"},
            ],
            "queryParams": [{"type": "Exact", "name": "q", "value": "1"}],
        },
        {"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"type": "Exact", "name": "h", "value": "1"}]},
    ]


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ({"exact": "/a"}, {"type": "Exact", "value": "/a"}),
        ({"regex": "/a.*"}, {"type": "RegularExpression", "value": "/a.*"}),
        ({"prefix": "/a"}, {"type": "PathPrefix", "value": "/a"}),
    ],
)
def test_path_kinds_are_mapped(uri, path):
    assert a_route(Split(0), a_canary(match=[{"uri": uri}]))["spec"]["rules"][0]["matches"] == [{"path": path}]


@pytest.mark.parametrize(
    ("match", "where"),
    [
        ({"headers": {"x-a": {"prefix": "b"}}}, r"spec\.service\.match\[0\]\.headers\[x-a\]"),
        ({"queryParams": {"q": {"suffix": "b"}}}, r"spec\.service\.match\[0\]\.queryParams\[q\]"),
        ({"method": {"regex": "G.*"}}, r"spec\.service\.match\[0\]\.method"),
        ({"uri": {"suffix": "x"}}, r"spec\.service\.match\[0\]\.uri"),
    ],
)
def test_match_that_a_route_cannot_say_is_an_error_and_not_left_out(match, where):
    """Left out, the rule would take all requests (routers.md section 3.2 e1)."""
    canary = a_canary(match=[match])
    with pytest.raises(SpecError, match=where):
        a_route(Split(0), canary)
    assert len(route_problems(a_router(), canary, names_of(canary))) == 1


def test_filters_are_mapped_in_order():
    canary = a_canary(
        headers={"request": {"add": {"b": "2", "a": "1"}, "remove": ["z", "c"]}, "response": {"set": {"d": "4"}}},
        rewrite={"uri": "/v2", "authority": "api.example.org", "type": "ReplacePrefixMatch"},
        corsPolicy={
            "allowOrigin": ["https://a.example"],
            "allowMethods": ["GET"],
            "allowHeaders": ["x"],
            "exposeHeaders": ["y"],
            "allowCredentials": True,
            "maxAge": "24h",
        },
    )
    assert a_route(Split(0), canary)["spec"]["rules"][0]["filters"] == [
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {
                "add": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
                "remove": ["z", "c"],
            },
        },
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "d", "value": "4"}]}},
        {
            "type": "URLRewrite",
            "urlRewrite": {
                "hostname": "api.example.org",
                "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v2"},
            },
        },
        {
            "type": "CORS",
            "cors": {
                "allowOrigins": ["https://a.example"],
                "allowMethods": ["GET"],
                "allowHeaders": ["x"],
                "exposeHeaders": ["y"],
                "allowCredentials": True,
                "maxAge": 86400,
            },
        },
    ]


def test_rewrite_replaces_the_full_path_unless_told_otherwise():
    rule = a_route(Split(0), a_canary(rewrite={"uri": "/v2"}))["spec"]["rules"][0]
    assert rule["filters"] == [
        {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/v2"}}}
    ]


def test_backend_timeout_and_no_hosts():
    route = a_route(Split(0), a_canary(hosts=None, timeout="10s", backendTimeout="5s"))
    assert "hostnames" not in route["spec"]
    assert route["spec"]["rules"][0]["timeouts"] == {"request": "10s", "backendRequest": "5s"}


def test_apex_metadata_goes_to_the_route_and_flux_stays_out():
    canary = a_canary(apex={"labels": {"team": "a"}, "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "enabled"}})
    metadata = a_route(Split(0), canary)["metadata"]
    assert metadata["labels"] == {"team": "a"}
    assert metadata["annotations"]["kustomize.toolkit.fluxcd.io/reconcile"] == "disabled"


def test_service_name_names_route_and_backends():
    route = a_route(Split(0), a_canary(name="shop"))
    assert route["metadata"]["name"] == "shop"
    assert [each["name"] for each in route["spec"]["rules"][0]["backendRefs"]] == ["shop-primary", "shop-canary"]


def test_route_without_a_parent_is_an_error():
    canary = a_canary(gatewayRefs=None)
    with pytest.raises(SpecError, match=r"spec\.service\.gatewayRefs is empty"):
        a_route(Split(0), canary)
    assert [problem.path for problem in route_problems(a_router(), canary, names_of(canary))] == ["spec.service.gatewayRefs"]
    assert route_problems(a_router(), a_canary(), names_of(a_canary())) == ()


def test_unknown_provider_lists_the_known_ones():
    with pytest.raises(UnknownName, match=r"spec\.provider.*'istioo'.*gatewayapi:v1, kubernetes"):
        router_for("istioo")


def test_registry_is_sorted_and_keyed_by_name():
    assert list(ROUTERS) == sorted(ROUTERS)
    assert [router.name for router in ROUTERS.values()] == list(ROUTERS)


@pytest.mark.parametrize("provider", sorted(ROUTERS))
def test_every_router_writes_what_it_reads_and_changes_no_argument(provider):
    router, canary = ROUTERS[provider], a_canary()
    names, before = names_of(canary), deepcopy(canary.manifest)
    for split in (Split(0), Split(37), Split(100)):
        manifests = router.desired(canary, names, split)
        assert manifests == router.desired(canary, names, split)
        assert tuple(in_world(*manifests)) == router.refs(canary, names)
        assert {ref.kind for ref in in_world(*manifests)} == {kind.kind for kind in router.kinds}
        assert all(router.same(manifest, manifest) for manifest in manifests)
        objects = in_world(*manifests)
        kept = deepcopy(objects)
        assert router.written(canary, names, objects) == (split if router.routed else None)
        assert isinstance(router.observed(canary, names, objects), NotYet if router.routed else type(None))
        assert objects == kept
    assert canary.manifest == before
    assert router.routed is bool(router.kinds)
    assert ("weights" in router.capabilities) is router.routed
