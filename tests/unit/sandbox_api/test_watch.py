"""Watches: what they start with, what they deliver, how they end; in virtual time where time matters."""

import asyncio
import gc

import orjson
import pytest

from unit.sandbox_api.client import CONFIG_MAPS, CRDS, TABLE, WIDGETS, Client, a_config_map, a_crd, a_widget

WATCH = f"{CONFIG_MAPS}?watch=true"


async def test_a_watch_starts_with_what_is_there(client: Client):
    await client.create(CONFIG_MAPS, a_config_map("a"))
    events = await client.watch(WATCH)
    await client.create(CONFIG_MAPS, a_config_map("b"))
    await client.patch(f"{CONFIG_MAPS}/a", {"data": {"colour": "red"}})
    await client.call("DELETE", f"{CONFIG_MAPS}/a")
    assert await events.take(4) == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_nothing_is_lost_between_the_reply_and_its_first_reading(client: Client):
    events = await client.watch(f"{WATCH}&resourceVersion={client.store.version}")
    await client.create(CONFIG_MAPS, a_config_map("a"))
    assert await events.take(1) == [("ADDED", "a")]


async def test_a_watch_from_a_version_replays_what_came_after(client: Client):
    made = await client.create(CONFIG_MAPS, a_config_map("a"))
    await client.create(CONFIG_MAPS, a_config_map("b"))
    await client.call("DELETE", f"{CONFIG_MAPS}/a")
    events = await client.watch(f"{WATCH}&resourceVersion={made['metadata']['resourceVersion']}")
    first, second = await events.next(), await events.next()
    assert [(kind, manifest["metadata"]["name"]) for kind, manifest in (first, second)] == [("ADDED", "b"), ("DELETED", "a")]
    assert int(second[1]["metadata"]["resourceVersion"]) == client.store.version


async def test_a_forgotten_version_is_an_error_event(client: Client):
    made = await client.create(CONFIG_MAPS, a_config_map("a"))
    await client.create(CONFIG_MAPS, a_config_map("b"))
    client.store.forget_history()
    events = await client.watch(f"{WATCH}&resourceVersion={made['metadata']['resourceVersion']}")
    [(kind, status)] = await events.rest()
    assert (kind, status["code"], status["reason"]) == ("ERROR", 410, "Expired")
    assert status["message"].startswith("too old resource version: ")


async def test_the_history_is_bounded(client: Client):
    first = client.store.version
    for number in range(600):
        await client.create(CONFIG_MAPS, a_config_map(f"n{number}"))
    events = await client.watch(f"{WATCH}&resourceVersion={first}")
    assert (await events.next())[0] == "ERROR"


async def test_objects_that_begin_or_cease_to_match_come_and_go(client: Client):
    events = await client.watch(f"{WATCH}&labelSelector=on%3Dyes")
    await client.create(CONFIG_MAPS, a_config_map("a"))
    for value in ("yes", "no"):
        await client.patch(f"{CONFIG_MAPS}/a", {"metadata": {"labels": {"on": value}}})
    assert (await events.next())[0] == "ADDED"
    kind, last = await events.next()
    assert (kind, last["metadata"]["labels"]) == ("DELETED", {"on": "yes"})
    assert last["metadata"]["resourceVersion"] == str(client.store.version)


async def test_a_watch_sees_its_namespace_and_its_resource_only(client: Client):
    events = await client.watch(WATCH)
    await client.create("/api/v1/namespaces/kube-system/configmaps", a_config_map("elsewhere"))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "other"}}
    await client.create("/api/v1/namespaces/default/secrets", secret)
    await client.create(CONFIG_MAPS, a_config_map("here"))
    assert await events.take(1) == [("ADDED", "here")]


async def test_initial_events_end_with_a_bookmark(client: Client):
    await client.create(CONFIG_MAPS, a_config_map("a"))
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    events = await client.watch(f"{WATCH}&{query}")
    assert await events.take(1) == [("ADDED", "a")]
    kind, mark = await events.next()
    assert (kind, mark["kind"]) == ("BOOKMARK", "ConfigMap")
    assert mark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert mark["metadata"]["resourceVersion"] == str(client.store.version)
    refused = await client.call("GET", f"{WATCH}&sendInitialEvents=true")
    assert (refused.status, "requires setting resourceVersionMatch" in refused.message) == (422, True)


@pytest.mark.looptime
async def test_bookmarks_come_every_minute_and_the_watch_ends_in_time(client: Client):
    events = await client.watch(f"{WATCH}&allowWatchBookmarks=true&timeoutSeconds=150")
    began = asyncio.get_running_loop().time()
    found = await events.rest()
    assert [kind for kind, _ in found] == ["BOOKMARK"] * 3
    assert asyncio.get_running_loop().time() - began == pytest.approx(150)


@pytest.mark.looptime
async def test_a_watch_without_bookmarks_is_silent_until_its_end(client: Client):
    events = await client.watch(f"{WATCH}&timeoutSeconds=150")
    assert await events.rest() == []


async def test_a_reader_that_waits_is_woken(client: Client):
    events = await client.watch(WATCH)
    waiting = asyncio.ensure_future(events.take(1))
    await asyncio.sleep(0)
    await client.create(CONFIG_MAPS, a_config_map("a"))
    assert await waiting == [("ADDED", "a")]


async def test_a_closed_watch_ends_its_reader(client: Client):
    events = await client.watch(WATCH)
    waiting = asyncio.ensure_future(events.rest())
    await asyncio.sleep(0)
    await events.close()
    assert await waiting == []


async def test_a_dropped_watch_leaves_nothing_behind(client: Client):
    listeners = len(client.store._listeners)
    events = await client.watch(WATCH)
    assert len(client.store._listeners) == listeners + 1
    del events
    gc.collect()
    assert len(client.store._listeners) == listeners


async def test_a_cancelled_reader_loses_nothing(client: Client):
    events = await client.watch(WATCH)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await events.next()
    await client.create(CONFIG_MAPS, a_config_map("a"))
    assert await events.take(1) == [("ADDED", "a")]


async def test_a_watch_of_a_custom_resource_ends_with_its_crd(client: Client):
    await client.create(CRDS, a_crd())
    await client.create(WIDGETS, a_widget())
    events = await client.watch(f"{WIDGETS}?watch=true")
    await client.call("DELETE", f"{CRDS}/widgets.example.dev")
    assert [kind for kind, _ in await events.rest()] == ["ADDED", "DELETED"]


async def test_a_watch_of_tables_has_headers_once(client: Client):
    await client.create(CONFIG_MAPS, a_config_map("a"))
    await client.create(CONFIG_MAPS, a_config_map("b"))
    events = await client.watch(WATCH, accept=TABLE)
    (_, first), (_, second) = await events.next(), await events.next()
    assert first["rows"][0]["cells"][0] == "a"
    assert first["columnDefinitions"][0]["name"] == "Name"
    assert (second["rows"][0]["cells"][0], second["columnDefinitions"]) == ("b", None)


async def test_a_watch_of_metadata_shows_no_data(client: Client):
    await client.create(CONFIG_MAPS, a_config_map("a"))
    events = await client.watch(WATCH, accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
    _, shown = await events.next()
    assert (shown["kind"], "data" in shown) == ("PartialObjectMetadata", False)


async def test_closing_the_server_ends_all_watches(client: Client):
    watches = [await client.watch(WATCH) for _ in range(3)]
    client.api.close()
    assert [await events.rest() for events in watches] == [[], [], []]


async def test_listeners_hear_writes_in_order_even_when_one_of_them_writes(client: Client):
    heard: list[tuple[str, str]] = []

    def answer(change):
        if change.type == "ADDED" and change.key.name == "question":
            client.store.insert(change.key._replace(name="answer"), {"kind": "ConfigMap", "apiVersion": "v1"})

    client.store.subscribe(answer)
    stop = client.store.subscribe(lambda change: heard.append((change.type, change.key.name)))
    await client.create(CONFIG_MAPS, a_config_map("question"))
    stop()
    await client.create(CONFIG_MAPS, a_config_map("unheard"))
    assert heard == [("ADDED", "question"), ("ADDED", "answer")]


async def test_the_view_is_a_snapshot(client: Client):
    await client.create(CONFIG_MAPS, a_config_map("a"))
    before = client.store.view()
    await client.create(CONFIG_MAPS, a_config_map("b"))
    names = {ref.name for ref in client.store.view() if ref.kind == "ConfigMap"}
    assert ({ref.name for ref in before if ref.kind == "ConfigMap"}, names) == ({"a"}, {"a", "b"})
    assert orjson.dumps(next(each for ref, each in before.items() if ref.name == "a"))
