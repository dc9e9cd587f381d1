"""The rig without its binaries: where they are looked for, what is said when they are missing, certificates, processes, masks."""

import ssl
import sys
import time
from pathlib import Path

import pytest
import yaml

from conformance.masks import differences, masked
from e2e.rig import binaries, pki
from e2e.rig.cluster import needed
from e2e.rig.processes import NotHealthy, Processes


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Look in an empty cache, and in no assets."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_assets_come_before_the_cache(empty_cache: Path, monkeypatch: pytest.MonkeyPatch):
    assert binaries.find("etcd") is None
    cached = executable(binaries._cached(binaries.TOOLS["etcd"]))
    assert binaries.find("etcd") == cached
    mine = executable(empty_cache / "assets" / "etcd")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(mine.parent))
    assert binaries.find("etcd") == mine


def test_a_changed_pin_is_another_place(empty_cache: Path, monkeypatch: pytest.MonkeyPatch):
    before = binaries._cached(binaries.TOOLS["etcd"])
    modules = empty_cache / "modules" / "etcd"
    modules.mkdir(parents=True)
    (modules / "go.mod").write_text("module other\n")
    (modules / "go.sum").write_text("")
    monkeypatch.setattr(binaries, "MODULES", modules.parent)
    assert binaries._cached(binaries.TOOLS["etcd"]) != before


def test_without_go_the_reason_says_what_helps(empty_cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(empty_cache))
    problem = binaries.why_not(["etcd", "kwok"])
    assert "no Go here" in problem
    assert "etcd, kwok" in problem
    with pytest.raises(binaries.MissingTool, match="KUBEBUILDER_ASSETS"):
        binaries.ensure(["etcd"])
    executable(binaries._cached(binaries.TOOLS["etcd"]))
    assert binaries.why_not(["etcd"]) == ""


def test_every_tool_is_pinned_by_a_wrapper_module():
    for tool in binaries.TOOLS.values():
        text = (binaries.MODULES / tool.module / "go.mod").read_text()
        assert tool.package in text, f"{tool.package} is no tool of {tool.module}/go.mod"
        assert (binaries.MODULES / tool.module / "go.sum").stat().st_size > 0
    assert set(needed()) == set(binaries.TOOLS)


def test_certificates_open_a_connection(tmp_path: Path):
    """A server and a client of one authority trust each other, both ways."""
    authority = pki.Authority("test")
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*authority.server("server").write(tmp_path / "server"))
    server.load_verify_locations(tmp_path / "ca.crt")
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    client.load_cert_chain(*authority.client("somebody", ("system:masters",)).write(tmp_path / "client"))
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there, server_hostname="127.0.0.1")
    theirs = server.wrap_bio(there, back, server_side=True)
    for side in (ours, theirs, ours, theirs):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    subject = dict(pair[0] for pair in theirs.getpeercert()["subject"])  # type: ignore[index]
    assert subject == {"organizationName": "system:masters", "commonName": "somebody"}


def test_a_kubeconfig_holds_everything_itself():
    authority = pki.Authority("test")
    found = yaml.safe_load(pki.kubeconfig("https://127.0.0.1:1", authority.certificate, "me", authority.client("me")))
    assert found["users"][0]["name"] == "me"
    assert set(found["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}


def test_only_what_was_started_is_ended(tmp_path: Path):
    processes = Processes(tmp_path)
    processes.start("sleeper", [sys.executable, "-c", "print('hello', flush=True); import time; time.sleep(60)"])
    processes.wait_until("sleeper", lambda: "hello" in processes.log_end("sleeper"), limit_s=10)
    began = time.monotonic()
    processes.stop_all()
    assert not processes.is_running("sleeper")
    assert time.monotonic() - began < 10


def test_a_process_that_ends_early_says_why(tmp_path: Path):
    processes = Processes(tmp_path)
    processes.start("failing", [sys.executable, "-c", "raise SystemExit('no such flag')"])
    with pytest.raises(NotHealthy, match="no such flag"):
        processes.wait_until("failing", lambda: False, limit_s=10)


def test_masks_keep_which_values_are_equal():
    uid, other = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"

    def answer(first: str, second: str) -> dict[str, dict[str, object]]:
        metadata = {"uid": first, "resourceVersion": "7"}
        return {"a": {"body": {"metadata": metadata}}, "b": {"body": {"metadata": {**metadata, "uid": second}}}}

    assert masked(answer(uid, uid)) == masked(answer(other, other))
    assert differences(masked(answer(uid, uid)), masked(answer(uid, other))) == [
        "b.body.metadata.uid: '<uid 1>' in reality, '<uid 2>' here"
    ]


def test_differences_name_what_is_missing_and_what_is_too_much():
    found = differences({"a": [1, {"x": 1}], "b": 1}, {"a": [1, {"x": True}, 3], "c": 2})
    assert found == [
        "a[1].x: 1 in reality, True here",
        "a: 2 items in reality, 3 here",
        "b: 1 in reality, absent here",
        "c: absent in reality, 2 here",
    ]
