"""The watcher against a scripted API server, in virtual time: nothing the server does may end it or blind it."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from canary_controller.clock import LoopClock
from canary_controller.kube import Kube
from canary_controller.watch import Pace, Watcher, is_newer
from canarykit.kinds import CONFIG_MAP, DEPLOYMENT, Kind
from canarykit.model import Ref
from unit.controller.fakes import Body, FakeApi, answer, line, manifest, page, refusal, stream

pytestmark = pytest.mark.looptime
A, B = Ref.to(DEPLOYMENT, "test", "a"), Ref.to(DEPLOYMENT, "test", "b")


class Recorder:
    """A sink that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.held: dict[Ref, str] = {}
        self.wants = True

    def replace(self, kind: Kind, items: Iterable[dict[str, Any]], version: str) -> None:
        self.held = {Ref.of(item): item["metadata"]["resourceVersion"] for item in items}
        self.told.append(("replace", sorted(ref.name for ref in self.held), version))

    def put(self, manifest: dict[str, Any]) -> None:
        self.held[Ref.of(manifest)] = manifest["metadata"]["resourceVersion"]
        self.told.append(("put", manifest["metadata"]["name"], manifest["metadata"]["resourceVersion"]))

    def drop(self, ref: Ref, version: str = "", uid: str = "") -> None:
        self.held.pop(ref, None)
        self.told.append(("drop", ref.name, version))

    def synced(self, kind: Kind) -> None:
        self.told.append(("synced",))

    def absent(self, kind: Kind) -> None:
        self.held = {}
        self.told.append(("absent", kind.kind))

    def is_wanted(self, kind: Kind) -> bool:
        return self.wants

    def behind(self, kind: Kind, refs: Iterable[Ref]) -> None:
        self.told.append(("behind", sorted(ref.name for ref in refs)))

    def versions(self, kind: Kind) -> Mapping[Ref, str]:
        return dict(self.held)


@asynccontextmanager
async def watching(api: FakeApi, kind: Kind = DEPLOYMENT, pace: Pace | None = None):
    clock, sink = LoopClock(), Recorder()
    watcher = Watcher(Kube(api.send, clock), kind, "", sink, clock, pace)
    task = asyncio.create_task(watcher.run())
    try:
        yield watcher, sink
        assert not task.done(), "the watcher ended"
    finally:
        task.cancel()
        await asyncio.wait([task])


def deployment(name: str, version: str) -> dict[str, Any]:
    return manifest("Deployment", name, version)


def bookmark(version: str) -> bytes:
    return line("BOOKMARK", {"kind": "Deployment", "metadata": {"resourceVersion": version}})


async def test_lists_then_watches_from_the_version_of_the_list():
    events = stream(line("MODIFIED", deployment("a", "8")), line("DELETED", deployment("a", "9")))
    api = FakeApi(page(deployment("a", "3"), version="7"), watches=(events,))
    async with watching(api) as (watcher, sink):
        await asyncio.sleep(1)
    assert sink.told == [("replace", ["a"], "7"), ("synced",), ("put", "a", "8"), ("drop", "a", "9")]
    assert api.of(watch="true")[0].query["resourceVersion"] == "7"
    assert 1800 <= int(api.of(watch="true")[0].query["timeoutSeconds"]) <= 3600
    assert watcher.is_synced
    assert not watcher.is_absent


async def test_is_not_synced_before_the_first_list():
    async with watching(FakeApi()) as (watcher, sink):
        await asyncio.sleep(1)
        assert not watcher.is_synced
        assert sink.told == []


async def test_a_watch_that_the_server_ends_goes_on_from_the_last_bookmark_without_a_list():
    first = stream(30.0, bookmark("20"), endless=False)
    api = FakeApi(page(version="7"), watches=(first, stream()))
    async with watching(api):
        await asyncio.sleep(60)
    assert [request.query["resourceVersion"] for request in api.of(watch="true")] == ["7", "20"]
    assert len(api.requests) == 3


async def test_a_broken_watch_goes_on_from_the_last_event():
    first = stream(line("ADDED", deployment("a", "8")), ConnectionResetError("reset"))
    api = FakeApi(page(version="7"), watches=(first, stream(line("ADDED", deployment("b", "9")))))
    async with watching(api) as (watcher, sink):
        await asyncio.sleep(10)
    assert [request.query["resourceVersion"] for request in api.of(watch="true")] == ["7", "8"]
    assert sink.told[2:] == [("put", "a", "8"), ("put", "b", "9")]
    assert watcher.trouble.text == ""


@pytest.mark.parametrize("how", ["refused", "event"])
async def test_a_version_that_is_too_old_lists_again_at_once(how: str):
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    reply = refusal(410, "Expired") if how == "refused" else stream(line("ERROR", gone))
    lists = (page(deployment("a", "3"), version="7"), page(deployment("a", "3"), deployment("b", "90"), version="100"))
    api = FakeApi(*lists, watches=(reply, stream()))
    async with watching(api) as (_, sink):
        await asyncio.sleep(0.1)
    assert sink.told[2:] == [("replace", ["a", "b"], "100"), ("behind", ["b"]), ("synced",)]
    assert api.of(watch="true")[-1].query["resourceVersion"] == "100"


async def test_a_relist_that_shows_nothing_new_was_not_behind():
    lists = (page(deployment("a", "3"), version="7"), page(deployment("a", "3"), version="100"))
    api = FakeApi(*lists, watches=(refusal(410, "Expired"), stream()))
    async with watching(api) as (_, sink):
        await asyncio.sleep(0.1)
    assert not [told for told in sink.told if told[0] == "behind"]


async def test_versions_that_expire_again_and_again_are_listed_with_back_off():
    api = FakeApi(*(page(version="7") for _ in range(500)), watches=tuple(refusal(410, "Expired") for _ in range(500)))
    async with watching(api):
        await asyncio.sleep(60)
    assert len(api.requests) < 100


async def test_failures_back_off_up_to_the_limit():
    api = FakeApi(*(OSError("refused") for _ in range(10_000)))
    async with watching(api, pace=Pace(first_s=1, longest_s=16)) as (watcher, sink):
        await asyncio.sleep(3600)
        assert watcher.trouble.failures > 100
        assert "refused" in watcher.trouble.text
        assert not watcher.is_synced
    assert sink.told == []
    # Three attempts per list (reads are repeated), then 8 to 16 s of waiting.
    assert 3600 / 18 * 3 < len(api.requests) < 3600 / 8 * 3 + 40


async def test_a_watch_that_ends_at_once_again_and_again_backs_off():
    lists, watches = (page(version="7") for _ in range(500)), (stream(endless=False) for _ in range(500))
    api = FakeApi(*lists, watches=tuple(watches))
    async with watching(api) as (watcher, _):
        await asyncio.sleep(300)
        assert watcher.trouble.failures >= 10
    assert len(api.of(watch="true")) < 40


async def test_waits_as_long_as_an_overloaded_server_asks():
    api = FakeApi(page(version="7"), watches=(refusal(429, "TooManyRequests", Retry_After="20"), stream()))
    async with watching(api):
        await asyncio.sleep(60)
    watches = [time for time, request in zip(api.times, api.requests, strict=True) if request.query.get("watch")]
    assert watches[1] - watches[0] >= 20


async def test_a_silent_watch_is_opened_anew_from_where_it_was():
    silent = stream(line("ADDED", deployment("a", "8")))
    api = FakeApi(page(version="7"), watches=(silent, stream()))
    async with watching(api, pace=Pace(silence_s=100)):
        await asyncio.sleep(99)
        assert len(api.of(watch="true")) == 1
        await asyncio.sleep(3)
    assert [request.query["resourceVersion"] for request in api.of(watch="true")] == ["7", "8"]
    assert isinstance(silent.chunks, Body)
    assert silent.chunks.closed


async def test_bookmarks_keep_a_quiet_watch_alive():
    api = FakeApi(page(version="7"), watches=(stream(*(part for n in range(8) for part in (60.0, bookmark(str(n + 10))))),))
    async with watching(api) as (watcher, sink):
        await asyncio.sleep(480)
        assert len(api.requests) == 2
        assert watcher.is_synced
    assert [told[0] for told in sink.told] == ["replace", "synced"]


async def test_a_kind_that_is_not_served_is_absent_and_looked_for_now_and_then():
    lists = (*(refusal(404, "NotFound") for _ in range(4)), page(deployment("a", "3"), version="7"))
    api = FakeApi(*lists, watches=(stream(),))
    async with watching(api, pace=Pace(absent_s=30)) as (watcher, sink):
        await asyncio.sleep(10)
        assert sink.told == [("absent", "Deployment")]
        assert watcher.is_absent
        assert watcher.is_synced
        await asyncio.sleep(120)
        assert not watcher.is_absent
    assert sink.told[1:] == [("replace", ["a"], "7"), ("synced",)]
    assert api.times[4] >= 60


async def test_a_kind_that_is_not_served_and_nobody_wants_is_not_asked_for():
    api = FakeApi(refusal(404, "NotFound"), page(deployment("a", "3"), version="7"), watches=(stream(),))
    async with watching(api, pace=Pace(absent_s=30)) as (watcher, sink):
        sink.wants = False
        await asyncio.sleep(3600)
        assert len(api.requests) == 1
        sink.wants = True
        await asyncio.sleep(60)
        assert not watcher.is_absent


async def test_a_kind_that_stops_being_served_is_absent_too():
    api = FakeApi(page(deployment("a", "3"), version="7"), refusal(404, "NotFound"), watches=(refusal(404, "NotFound"),))
    async with watching(api) as (watcher, sink):
        await asyncio.sleep(5)
        assert watcher.is_absent
    assert sink.told[-1] == ("absent", "Deployment")


async def test_a_kind_that_comes_back_was_not_behind():
    lists = (page(deployment("a", "3"), version="7"), refusal(404, "NotFound"), page(deployment("a", "3"), version="9"))
    api = FakeApi(*lists, watches=(refusal(404, "NotFound"), stream()))
    async with watching(api, pace=Pace(absent_s=10)) as (watcher, sink):
        await asyncio.sleep(60)
        assert not watcher.is_absent
    assert sink.told[-2:] == [("replace", ["a"], "9"), ("synced",)]


async def test_a_version_that_the_server_never_answers_for_is_given_up_for_a_list():
    """For example after the server's store was restored from a backup: its versions are lower than ours."""
    refused = tuple(refusal(504, "Timeout", "Too large resource version") for _ in range(5))
    api = FakeApi(page(version="700"), page(deployment("a", "3"), version="7"), watches=(*refused, stream(5.0, bookmark("8"))))
    async with watching(api) as (watcher, sink):
        await asyncio.sleep(3)
        assert "Too large resource version" in watcher.trouble.text
        assert watcher.is_synced, "a short break is none"
        await asyncio.sleep(20)
        assert watcher.is_synced
        assert watcher.trouble.text == ""
    assert sink.told[2:] == [("replace", ["a"], "7"), ("behind", ["a"]), ("synced",)]
    assert api.of(watch="true")[-1].query["resourceVersion"] == "7"


async def test_a_view_that_stays_broken_is_not_synced():
    api = FakeApi(
        page(version="7"), *(OSError("refused") for _ in range(500)), watches=tuple(OSError("refused") for _ in range(500))
    )
    async with watching(api) as (watcher, _):
        await asyncio.sleep(120)
        assert not watcher.is_synced


async def test_configs_are_watched_without_their_data():
    api = FakeApi(page(manifest("ConfigMap", "c", "3"), version="7"), watches=(stream(),))
    async with watching(api, kind=CONFIG_MAP):
        await asyncio.sleep(1)
    assert ["PartialObjectMetadata" in request.headers["Accept"] for request in api.requests] == [True, True]


async def test_what_the_watch_lost_is_found_by_the_next_list_and_reported():
    lists = (
        page(deployment("a", "3"), deployment("b", "4"), version="7"),
        page(deployment("a", "30"), deployment("c", "31"), version="40"),
    )
    api = FakeApi(*lists, watches=(stream(),))
    async with watching(api, pace=Pace(relist_s=600, silence_s=10_000)) as (_, sink):
        await asyncio.sleep(599)
        assert len(sink.told) == 2
        await asyncio.sleep(70)
    assert sorted(sink.told[2:-1]) == [("drop", "b", "40"), ("put", "a", "30"), ("put", "c", "31")]
    assert sink.told[-1] == ("behind", ["a", "b", "c"])
    assert len(api.of(watch="true")) == 1, "the watch goes on"


async def test_an_event_that_was_merely_on_its_way_is_not_behind():
    events = stream(662.0, line("MODIFIED", deployment("a", "30")))
    api = FakeApi(page(deployment("a", "3"), version="7"), page(deployment("a", "30"), version="40"), watches=(events,))
    pace = Pace(relist_s=600, settle_s=70, silence_s=10_000)
    async with watching(api, pace=pace) as (_, sink):
        await asyncio.sleep(800)
    assert sink.told[2:] == [("put", "a", "30")]


async def test_an_object_made_after_the_list_is_not_taken_for_deleted():
    events = stream(1.0, line("ADDED", deployment("b", "99")))
    api = FakeApi(page(deployment("a", "3"), version="7"), page(deployment("a", "3"), version="40"), watches=(events,))
    async with watching(api, pace=Pace(relist_s=600, silence_s=10_000)) as (_, sink):
        await asyncio.sleep(700)
    assert sink.told[2:] == [("put", "b", "99")]


async def test_lists_are_checked_every_ten_minutes_even_if_watches_are_short():
    watches = tuple(stream(100.0, bookmark("8"), endless=False) for _ in range(40))
    api = FakeApi(*(page(version="7") for _ in range(40)), watches=watches)
    async with watching(api):
        await asyncio.sleep(3600)
    lists = [request for request in api.requests if not request.query.get("watch")]
    assert 1 + 3600 // 660 <= len(lists) <= 1 + 3600 // 600


async def test_an_outage_during_the_check_does_no_harm():
    outage = (OSError("refused") for _ in range(3))
    api = FakeApi(page(version="7"), *outage, page(deployment("a", "9"), version="9"), watches=(stream(),))
    async with watching(api, pace=Pace(relist_s=600, silence_s=10_000)) as (watcher, sink):
        await asyncio.sleep(1400)
        assert watcher.is_synced
    assert sink.told[-1] == ("behind", ["a"])


async def test_no_answer_at_all_does_not_stop_the_watcher():
    api = FakeApi(answer(200, {"items": None, "metadata": {"resourceVersion": "7"}}), watches=(stream(b"<html>\n"), stream()))
    async with watching(api):
        await asyncio.sleep(60)
    assert len(api.of(watch="true")) == 2


@pytest.mark.parametrize(
    ("version", "than", "newer"), [("10", "9", True), ("9", "10", False), ("9", "9", False), ("b", "a", True), ("a", "a", False)]
)
async def test_versions_are_compared_as_numbers_when_they_are(version: str, than: str, newer: bool):
    assert is_newer(version, than) is newer
