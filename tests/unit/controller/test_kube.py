"""Verbs, paths, errors, deadlines and retries against a scripted API server, in virtual time."""

import asyncio
from contextlib import aclosing

import pytest

from canary_controller.clock import LoopClock
from canary_controller.kube import ApiError, Kube, Reply, ServerUnavailable
from canarykit.errors import SpecError, Unavailable
from canarykit.kinds import CANARY, DEPLOYMENT, SECRET
from canarykit.model import Ref
from unit.controller.fakes import Body, FakeApi, answer, line, manifest, page, refusal, stream

pytestmark = pytest.mark.looptime
TARGET = Ref.to(DEPLOYMENT, "test", "podinfo")
START = 1_700_000_000.0


def kube_over(*script: Reply | Exception) -> tuple[Kube, FakeApi]:
    api = FakeApi(*script)
    return Kube(api.send, LoopClock(START), user_agent="tests"), api


def loop_time() -> float:
    return asyncio.get_running_loop().time()


async def test_get_returns_the_object_from_its_own_path():
    kube, api = kube_over(answer(200, manifest()))
    assert (await kube.get(TARGET)) == manifest()
    [request] = api.requests
    assert (request.method, request.path, request.query) == ("GET", "/apis/apps/v1/namespaces/test/deployments/podinfo", {})
    assert request.headers["User-Agent"] == "tests"


async def test_get_of_an_absent_object_is_none_but_a_refusal_is_not():
    kube, _ = kube_over(refusal(404, "NotFound"), refusal(403, "Forbidden", "may not get deployments"))
    assert await kube.get(TARGET) is None
    with pytest.raises(ApiError, match="403 Forbidden: may not get deployments"):
        await kube.get(TARGET)


@pytest.mark.parametrize("name", ["", ".", "..", "../../secrets/token", "a/b", "%2e%2e"])
async def test_a_name_cannot_lead_out_of_its_collection(name: str):
    kube, api = kube_over()
    with pytest.raises(SpecError, match=r"metadata\.name"):
        await kube.get(Ref.to(DEPLOYMENT, "test", name))
    with pytest.raises(SpecError, match=r"metadata\.name"):
        await kube.delete(Ref.to(DEPLOYMENT, "test", name))
    assert api.requests == []


async def test_a_namespace_cannot_lead_out_of_its_place_either():
    kube, api = kube_over()
    with pytest.raises(SpecError, match=r"metadata\.namespace"):
        await kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "../kube-system"}})
    assert api.requests == []


async def test_list_follows_pages_and_stamps_what_lists_leave_out():
    kube, api = kube_over(page(manifest(name="a"), version="7", token="more"), page(manifest(name="b"), version="7"))
    listing = await kube.list(DEPLOYMENT, "test", label_selector="app in (x,y)", limit=1)
    assert listing.items == (manifest(name="a"), manifest(name="b"))
    assert listing.resource_version == "7"
    assert [request.query for request in api.requests] == [
        {"labelSelector": "app in (x,y)", "limit": "1"},
        {"labelSelector": "app in (x,y)", "limit": "1", "continue": "more"},
    ]


async def test_list_starts_over_in_one_page_when_the_page_token_expires():
    kube, api = kube_over(
        page(manifest(name="a"), token="old"), refusal(410, "Expired"), page(manifest(name="a"), manifest(name="b"))
    )
    listing = await kube.list(DEPLOYMENT)
    assert [item["metadata"]["name"] for item in listing.items] == ["a", "b"]
    assert "limit" not in api.requests[-1].query
    assert "continue" not in api.requests[-1].query


async def test_list_of_metadata_never_holds_data():
    secret = {**manifest("Secret"), "data": {"password": "c2VjcmV0"}}
    kube, api = kube_over(page(secret))
    [item] = (await kube.list(SECRET, metadata_only=True)).items
    assert set(item) == {"apiVersion", "kind", "metadata"}
    assert (item["apiVersion"], item["kind"]) == ("v1", "Secret")
    assert "as=PartialObjectMetadataList" in api.requests[0].headers["Accept"]


async def test_list_of_a_kind_that_is_not_served_says_so():
    kube, _ = kube_over(Reply(404, {"Content-Type": "text/plain"}, Body(b"404 page not found\n")))
    with pytest.raises(ApiError, match="404 page not found") as caught:
        await kube.list(CANARY)
    assert caught.value.is_not_found


async def test_writes_name_the_field_manager_and_their_content_type():
    kube, api = kube_over(*(answer(200, manifest()) for _ in range(5)))
    await kube.create(manifest(), dry_run=True)
    await kube.apply(manifest())
    await kube.merge_patch(TARGET, {"status": {}}, subresource="status")
    await kube.json_patch(TARGET, [{"op": "replace", "path": "/spec/replicas", "value": 0}])
    await kube.apply(manifest(), force=False)
    sent = [(each.method, each.path.rpartition("/test/")[2], each.query, each.headers["Content-Type"]) for each in api.requests]
    manager = {"fieldManager": "canary-controller"}
    assert sent == [
        ("POST", "deployments", {**manager, "dryRun": "All"}, "application/json"),
        ("PATCH", "deployments/podinfo", {**manager, "force": "true"}, "application/apply-patch+yaml"),
        ("PATCH", "deployments/podinfo/status", manager, "application/merge-patch+json"),
        ("PATCH", "deployments/podinfo", manager, "application/json-patch+json"),
        ("PATCH", "deployments/podinfo", manager, "application/apply-patch+yaml"),
    ]
    assert api.requests[0].body == manifest()
    assert api.requests[3].body == [{"op": "replace", "path": "/spec/replicas", "value": 0}]


async def test_delete_carries_its_preconditions_and_absent_is_success():
    held = manifest(finalizers=["wait"], deletionTimestamp="2023-11-14T22:13:20Z")
    kube, api = kube_over(answer(200, {"kind": "Status", "metadata": {}}), answer(200, held), refusal(404, "NotFound"))
    assert await kube.delete(TARGET, resource_version="5", uid="u") is None
    assert await kube.delete(TARGET) == held
    assert await kube.delete(TARGET) is None
    assert api.requests[0].body == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": {"resourceVersion": "5", "uid": "u"},
    }
    assert api.requests[1].body["preconditions"] == {}


@pytest.mark.parametrize(
    ("code", "reason", "true_property"),
    [
        (409, "Conflict", "is_conflict"),
        (409, "AlreadyExists", "already_exists"),
        (410, "Expired", "is_gone"),
        (410, "Gone", "is_gone"),
        (404, "NotFound", "is_not_found"),
        (422, "Invalid", ""),
    ],
)
async def test_errors_are_told_apart_by_status_and_reason(code: int, reason: str, true_property: str):
    kube, _ = kube_over(refusal(code, reason, "why"))
    with pytest.raises(ApiError, match="why") as caught:
        await kube.create(manifest())
    properties = ("is_conflict", "already_exists", "is_gone", "is_not_found")
    assert [name for name in properties if getattr(caught.value, name)] == ([true_property] if true_property else [])
    assert not isinstance(caught.value, Unavailable)


async def test_an_invalid_object_comes_with_its_causes():
    cause = {"field": "spec.replicas", "reason": "FieldValueInvalid", "message": "must be positive"}
    kube, _ = kube_over(answer(422, {"kind": "Status", "reason": "Invalid", "details": {"causes": [cause]}}))
    with pytest.raises(ApiError) as caught:
        await kube.create(manifest())
    assert caught.value.causes == (cause,)


async def test_a_read_is_repeated_when_the_server_is_overloaded_or_does_not_answer():
    overloaded, broken = refusal(429, "TooManyRequests", Retry_After="2"), ConnectionRefusedError("refused")
    kube, api = kube_over(overloaded, broken, answer(200, manifest()))
    assert await kube.get(TARGET) == manifest()
    assert len(api.requests) == 3
    assert api.times[1] - api.times[0] >= 2
    assert api.times[2] - api.times[1] < 2


async def test_a_read_gives_up_after_a_few_attempts():
    kube, api = kube_over(*(refusal(503, "ServiceUnavailable") for _ in range(9)))
    with pytest.raises(ServerUnavailable):
        await kube.get(TARGET)
    assert len(api.requests) == 3


async def test_a_read_does_not_sit_through_a_long_retry_after():
    kube, api = kube_over(refusal(429, "TooManyRequests", Retry_After="60"))
    with pytest.raises(ServerUnavailable) as caught:
        await kube.get(TARGET)
    assert caught.value.retry_after_s == 60
    assert isinstance(caught.value, Unavailable)
    assert len(api.requests) == 1
    assert loop_time() < 1


@pytest.mark.parametrize("trouble", [refusal(503, "ServiceUnavailable"), refusal(429, "TooManyRequests"), OSError("reset")])
async def test_a_write_is_never_repeated(trouble: Reply | Exception):
    kube, api = kube_over(trouble, answer(200, manifest()))
    with pytest.raises(Unavailable):
        await kube.merge_patch(TARGET, {"spec": {}})
    assert len(api.requests) == 1


async def test_every_call_has_a_deadline():
    kube, api = kube_over()
    with pytest.raises(Unavailable, match=r"PATCH .* no answer within 15 s"):
        await kube.merge_patch(TARGET, {})
    assert loop_time() == pytest.approx(15)
    body = Body(b'{"half', 1000.0)
    api.script = [Reply(200, {}, body)]
    with pytest.raises(Unavailable, match="no answer within 15 s"):
        await kube.create(manifest())
    assert loop_time() == pytest.approx(30)
    assert body.closed


@pytest.mark.parametrize("text", [b"<html>gateway</html>", b"[]", b""])
async def test_an_answer_that_is_no_object_is_unavailable(text: bytes):
    kube, _ = kube_over(Reply(200, {}, Body(text)))
    with pytest.raises(Unavailable):
        await kube.create(manifest())


async def test_the_skew_of_the_clocks_comes_from_the_date_header():
    kube, api = kube_over(answer(200, manifest()))
    await kube.get(TARGET)
    assert kube.skew_s is None
    api.script = [answer(200, manifest(), Date="Tue, 14 Nov 2023 22:13:50 GMT")]  # START + 30 s
    await kube.get(TARGET)
    assert kube.skew_s == pytest.approx(30.5)


async def test_watch_yields_events_across_chunk_borders_and_closes_the_stream():
    text = line("ADDED", manifest(version="6")) + line("BOOKMARK", {"metadata": {"resourceVersion": "9"}})
    reply = stream(text[:10], text[10:70], 5.0, text[70:])
    kube, api = kube_over(reply)
    seen = []
    async with aclosing(kube.watch(DEPLOYMENT, "test", "5", timeout_s=60)) as events:
        async for event in events:
            seen.append((event.type, event.object["metadata"]["resourceVersion"], event.object["kind"]))
            if event.type == "BOOKMARK":
                break
    assert seen == [("ADDED", "6", "Deployment"), ("BOOKMARK", "9", "Deployment")]
    assert reply.chunks.closed
    assert api.requests[0].query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "5",
        "timeoutSeconds": "60",
    }


async def test_watch_of_metadata_asks_for_it_and_keeps_nothing_else():
    kube, api = kube_over(stream(line("ADDED", {**manifest("Secret"), "data": {"a": "b"}}), endless=False))
    [event] = [event async for event in kube.watch(SECRET, metadata_only=True)]
    assert "data" not in event.object
    assert event.object["kind"] == "Secret"
    assert "as=PartialObjectMetadata;" in api.requests[0].headers["Accept"]


async def test_an_error_event_is_an_error():
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    kube, _ = kube_over(stream(line("ERROR", gone)))
    with pytest.raises(ApiError, match="too old") as caught:
        [event async for event in kube.watch(DEPLOYMENT)]
    assert caught.value.is_gone


async def test_a_watch_that_is_refused_is_an_error():
    kube, _ = kube_over(refusal(410, "Expired"))
    with pytest.raises(ApiError) as caught:
        [event async for event in kube.watch(DEPLOYMENT)]
    assert caught.value.is_gone


async def test_a_silent_watch_is_unavailable():
    reply = stream(line("ADDED", manifest()))
    kube, _ = kube_over(reply)
    events = kube.watch(DEPLOYMENT)
    assert (await anext(events)).type == "ADDED"
    with pytest.raises(Unavailable, match="no answer within 180 s"):
        await anext(events)
    assert loop_time() == pytest.approx(180)
    assert reply.chunks.closed


async def test_a_watch_that_breaks_off_is_unavailable_and_half_a_line_is_dropped():
    kube, _ = kube_over(stream(line("ADDED", manifest()), b'{"type": "MOD', ConnectionResetError("reset")))
    events = kube.watch(DEPLOYMENT)
    assert (await anext(events)).type == "ADDED"
    with pytest.raises(Unavailable, match="reset"):
        await anext(events)
