"""Calls of webhooks. Facts: engine.md sections 4.1 and 6.1; bodies and texts of scenario hd."""

import json

import pytest

from canarykit.errors import SpecError
from canarykit.hooks import (
    event_payload,
    hook_answer,
    hook_payload,
    hook_request,
    payload_checksum,
    retry_wait_s,
    should_retry,
)
from canarykit.model import FAIL, PASS, UNAVAILABLE, Answer, HttpResponse
from canarykit.spec import Webhook

RO = Webhook("ro", "rollout", "http://127.0.0.1:19200/s-hd/ro", "3s", 2)


def answered(status, body=b"", **more):
    return hook_answer(RO, hook_request(RO, {}), HttpResponse(status, body, **more))


def test_payload_has_the_keys_of_upstream():
    assert hook_payload("podinfo", "s-hd", "Progressing", "7dd44574f5", {"a": "b"}) == {
        "name": "podinfo",
        "namespace": "s-hd",
        "phase": "Progressing",
        "checksum": "7dd44574f5",
        "metadata": {"a": "b"},
    }
    assert "metadata" not in hook_payload("podinfo", "s-hd", "Progressing", "7dd44574f5", {})


def test_event_payload_cannot_be_overwritten_by_metadata():
    payload = event_payload(
        "podinfo",
        "s-hd",
        "Progressing",
        "7dd44574f5",
        message="Advance podinfo.s-hd canary iteration 1/2",
        event_type="Normal",
        timestamp_ms=1795519966453,
        metadata={"k": "v", "eventType": "mine"},
    )
    assert payload["metadata"] == {
        "eventMessage": "Advance podinfo.s-hd canary iteration 1/2",
        "eventType": "Normal",
        "timestamp": "1795519966453",
        "k": "v",
    }


def test_request_is_a_json_post_with_time_out_and_retries():
    request = hook_request(RO, hook_payload("podinfo", "s-hd", "Progressing", "c"), "id-1/ro/3")
    assert (request.method, request.url) == ("POST", "http://127.0.0.1:19200/s-hd/ro")
    assert request.headers == {"Content-Type": "application/json", "Idempotency-Key": "id-1/ro/3"}
    assert json.loads(request.body) == {"name": "podinfo", "namespace": "s-hd", "phase": "Progressing", "checksum": "c"}
    assert (request.timeout_s, request.retries, request.verify_tls) == (3.0, 2, True)


def test_request_defaults():
    request = hook_request(Webhook("h", url="https://x/", disable_tls=True, retries=-1), {})
    assert (request.timeout_s, request.retries, request.verify_tls) == (10.0, 0, False)
    assert "Idempotency-Key" not in request.headers


@pytest.mark.parametrize("url", ["", "ftp://x/", "x/y", "file:///etc/passwd", "http://[::1"])
def test_url_that_is_not_http_is_refused(url):
    with pytest.raises(SpecError, match=r"spec\.analysis\.webhooks\[h\]\.url is not an http or https URL"):
        hook_request(Webhook("h", url=url), {})


@pytest.mark.parametrize("status", [200, 201, 202])
def test_three_statuses_pass(status):
    assert answered(status, b"whatever") == Answer(PASS)


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (204, b"", ""),
        (203, b"x", "x"),
        (302, b"", ""),
        (404, b"", ""),
        (400, b"no metadata", "no metadata"),
        (501, b"how?", "how?"),
    ],
)
def test_any_other_status_fails_with_its_body(status, body, text):
    assert answered(status, body) == Answer(FAIL, text)


@pytest.mark.parametrize("status", [429, 500, 503, 599])
def test_server_errors_fail_without_their_body(status):
    text = "POST http://127.0.0.1:19200/s-hd/ro giving up after 3 attempt(s)"
    assert answered(status, b"secret", attempts=3) == Answer(FAIL, text)


def test_no_answer_is_unavailable_not_failed_w29():
    text = "POST http://127.0.0.1:19200/s-hd/ro giving up after 1 attempt(s)"
    assert answered(0, error="time-out") == Answer(UNAVAILABLE, f"{text}: time-out")
    assert answered(0) == Answer(UNAVAILABLE, text)


def test_long_body_is_cut_and_odd_bytes_are_replaced():
    assert answered(400, b"\xff" + b"x" * 5000).text == "\ufffd" + "x" * 1023


def test_checksum_is_stable_and_follows_both_inputs():
    one = payload_checksum({"configmap/a": "1"}, "ck1-a")
    assert one == payload_checksum({"configmap/a": "1"}, "ck1-a")
    assert len(one) == 10
    assert len({one, payload_checksum({"configmap/a": "2"}, "ck1-a"), payload_checksum({"configmap/a": "1"}, "ck1-b")}) == 3
    assert payload_checksum(None, "") == payload_checksum({}, "")


@pytest.mark.parametrize(
    ("status", "error", "again"),
    [
        (0, "time-out", True),
        (0, "certificate verify failed", False),
        (0, "too many redirects", False),
        (0, "unsupported scheme", False),
        (429, "", True),
        (500, "", True),
        (503, "", True),
        (501, "", False),
        (404, "", False),
        (200, "", False),
        (302, "", False),
    ],
)
def test_only_passing_troubles_are_tried_again(status, error, again):
    assert should_retry(HttpResponse(status, error=error)) is again


def test_waits_double_up_to_half_a_minute():
    assert [retry_wait_s(attempt, HttpResponse(503)) for attempt in range(1, 9)] == [1, 2, 4, 8, 16, 30, 30, 30]


@pytest.mark.parametrize(
    ("status", "header", "wait_s"),
    [(429, "7", 7), (503, "7", 7), (500, "7", 2), (503, "900", 30), (503, "soon", 2), (503, "-1", 2)],
)
def test_retry_after_is_obeyed_within_bounds(status, header, wait_s):
    assert retry_wait_s(2, HttpResponse(status, headers={"retry-after": header})) == wait_s
