"""Load-test commands, as they stand in Flagger's documents and the tutorial."""

import pytest

from canarykit.loadcommand import UNLIMITED_PER_S, LoadCommand, load_of, parse_load_command

URL = "http://podinfo-svc-canary.test/"


@pytest.mark.parametrize(
    ("cmd", "load"),
    [
        (f"hey -z 2m -q 20 -c 2 {URL}", LoadCommand(URL, 40, 120)),
        (f"/usr/bin/hey -z 1m30s -q 10 -c 2 -m POST -d '{{test: 2}}' {URL} > /dev/null", LoadCommand(URL, 20, 90)),
        (f"hey -z 1m -c 5 -disable-keepalive -h2 {URL}", LoadCommand(URL, 5 * UNLIMITED_PER_S, 60)),
        (f"hey -n 100 -q 5 -c 2 {URL}", LoadCommand(URL, 10, 10)),
        (f"hey -q 1 {URL}", LoadCommand(URL, 50, 4)),
        (f"hey -z=1m -q=1 -c=1 -host app.example.com {URL}", LoadCommand(URL, 1, 60, "app.example.com")),
        (f"hey -z 1m -q 1 -c 1 -H 'Cookie: a=b' -H 'Host: app.example.com' {URL}", LoadCommand(URL, 1, 60, "app.example.com")),
        (f"wrk -t12 -c4 -d30s {URL}", LoadCommand(URL, 4 * UNLIMITED_PER_S, 30)),
        (f"wrk2 --connections 4 --duration=1m --latency -R2000 -H 'A: b' {URL}", LoadCommand(URL, 2000, 60)),
        (f"sleep 1 && hey -z 1m -q 1 -c 1 {URL}; true", LoadCommand(URL, 1, 60)),
    ],
)
def test_command_line_is_read(cmd, load):
    assert parse_load_command(cmd) == load


@pytest.mark.parametrize(
    "cmd",
    [
        "",
        "ghz --insecure -z 1m podinfo:9898",
        "hey -z 2m -q 20 -c 2",
        f"hey -z soon {URL}",
        f"hey -c x {URL}",
        f"hey -z 1m -c 0 {URL}",
        "hey 'open",
        "hey -z 1m ftp://x/",
        "hey -z 1m http://[::1",
        f"echo hey -z 1m {URL}",
    ],
)
def test_anything_else_is_no_load(cmd):
    assert parse_load_command(cmd) is None


def test_metadata_of_a_hook_are_read():
    wanted = LoadCommand(URL, 40, 120)
    assert load_of({"type": "cmd", "cmd": f"hey -z 2m -q 20 -c 2 {URL}"}) == wanted
    assert load_of({"cmd": f"hey -z 2m -q 20 -c 2 {URL}"}) == wanted
    assert load_of({"type": "http", "url": URL, "rate": "40", "duration": "2m"}) == wanted
    assert load_of({"type": "http", "url": URL, "host": "a.b"}) == LoadCommand(URL, 10, 60, "a.b")
    assert load_of({"type": "http", "url": URL, "rate": "inf"}) is None
    assert load_of({"type": "helm", "cmd": f"hey -z 2m {URL}"}) is None
    assert load_of({"type": "cmd"}) is None
