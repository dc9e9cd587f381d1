"""Calls of webhooks: what is sent, what an answer means, and when it is worth a further attempt.

The controller sends the requests; the load tester and gates of Flagger understand them as they are.
Source: engine.md sections 4.1 and 6.1, analysis.md sections 5.1 and 5.2.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from canarykit.dicts import digest
from canarykit.errors import SpecError
from canarykit.model import FAIL, PASS, UNAVAILABLE, Answer, HttpRequest, HttpResponse
from canarykit.spec import Webhook

IDEMPOTENCY_HEADER = "Idempotency-Key"
RETRY_WAIT_MAX_S = 30.0
_PASSING = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED)
_TEXT_MAX = 1024  # characters, the longest note that an Event may carry
# Words in the error of a failed attempt after which another attempt must fail in the same way.
_POINTLESS = ("certificate", "redirect", "scheme")


def hook_payload(
    canary_name: str, namespace: str, phase: str, checksum: str, metadata: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the body of a hook call: name, namespace, phase, checksum and, where there is any, metadata."""
    body: dict[str, Any] = {"name": canary_name, "namespace": namespace, "phase": phase, "checksum": checksum}
    return {**body, "metadata": dict(metadata)} if metadata else body


def event_payload(
    canary_name: str,
    namespace: str,
    phase: str,
    checksum: str,
    *,
    message: str,
    event_type: str,
    timestamp_ms: int,
    metadata: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the body that tells an event hook of one Event.

    Args:
        canary_name, namespace, phase, checksum: as in `hook_payload`.
        message: the Event's text.
        event_type: ``Normal`` or ``Warning``.
        timestamp_ms: epoch milliseconds, sent as text.
        metadata: of the hook; cannot replace the three keys of the Event.

    Source: engine.md section 4.1.
    """
    told = {"eventMessage": message, "eventType": event_type, "timestamp": str(timestamp_ms)}
    return hook_payload(canary_name, namespace, phase, checksum, {**(metadata or {}), **told})


def payload_checksum(tracked_configs: Mapping[str, str] | None, last_applied: str) -> str:
    """Return ten hex digits that change when the tracked configs or the last analysed revision do.

    Receivers may compare it, nothing else: upstream's own value is a hash over a Go dump and differs.
    Source: analysis.md section 5.1.
    """
    return digest({"trackedConfigs": dict(tracked_configs or {}), "lastAppliedSpec": last_applied}, 10)


def hook_request(webhook: Webhook, payload: Mapping[str, Any], idempotency_key: str = "") -> HttpRequest:
    """Return the POST that calls ``webhook``.

    Args:
        webhook: url, time-out of one attempt, extra attempts, certificate check.
        payload: from `hook_payload` or `event_payload`.
        idempotency_key: equal for two calls that mean the same, since a hook may be called twice after a crash.

    Raises:
        SpecError: the URL is not http or https.
    """
    try:
        parts = urlsplit(webhook.url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        path = f"spec.analysis.webhooks[{webhook.name}].url"
        raise SpecError(path, "is not an http or https URL", webhook.url, "Write http://host/path.")
    headers = {"Content-Type": "application/json"}
    if idempotency_key:
        headers[IDEMPOTENCY_HEADER] = idempotency_key
    return HttpRequest(
        method="POST",
        url=webhook.url,
        headers=headers,
        body=json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode(),
        timeout_s=webhook.timeout_s,
        retries=max(0, webhook.retries),
        verify_tls=not webhook.disable_tls,
    )


def hook_answer(webhook: Webhook, request: HttpRequest, response: HttpResponse) -> Answer:
    """Return what the final response to a hook call means.

    Returns:
        PASS for 200, 201 and 202 only. UNAVAILABLE when nothing came back (time-out, refused). Else FAIL, also for 204 and 5xx;
        ``text`` is what Flagger shows: the body, or for 429 and 5xx but 501 ``POST <url> giving up after <n> attempt(s)``.

    Source: engine.md section 6.1. Differs: upstream counts "nothing came back" as failed (W29).
    """
    gave_up = f"{request.method} {request.url} giving up after {response.attempts} attempt(s)"
    if response.status == 0:
        return Answer(UNAVAILABLE, f"{gave_up}: {response.error}" if response.error else gave_up)
    if response.status in _PASSING:
        return Answer(PASS)
    if should_retry(response):
        return Answer(FAIL, gave_up)
    return Answer(FAIL, response.body.decode(errors="replace")[:_TEXT_MAX])


def should_retry(response: HttpResponse) -> bool:
    """Tell whether another attempt may help: nothing came back, 429, or 5xx but 501; not with a bad certificate or redirects."""
    if response.status == 0:
        return not any(word in response.error.lower() for word in _POINTLESS)
    return response.status == HTTPStatus.TOO_MANY_REQUESTS or (
        response.status >= HTTPStatus.INTERNAL_SERVER_ERROR and response.status != HTTPStatus.NOT_IMPLEMENTED
    )


def retry_wait_s(attempt: int, response: HttpResponse) -> float:
    """Return the seconds between an attempt and the next one: 1, 2, 4, … up to 30.

    Args:
        attempt: number of the attempt that failed, from 1.
        response: of that attempt; ``Retry-After`` of a 429 or 503, in seconds, is obeyed up to 30, so that no server can hold
            a pass for longer.
    """
    if response.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        for name, text in response.headers.items():
            if name.lower() == "retry-after" and text.strip().isdecimal():
                return min(float(text), RETRY_WAIT_MAX_S)
    return float(min(2 ** min(max(0, attempt - 1), 5), RETRY_WAIT_MAX_S))
