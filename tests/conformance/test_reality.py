"""The battery on a real kube-apiserver: its answers are what is recorded, or become so where that is asked for."""

import os
from typing import Any

import pytest

from canary_controller.kube_client import client_send
from canarykit.spec.crd import crds
from conformance import recordings
from conformance.battery import scenarios
from conformance.masks import differences, masked
from conformance.servers import install, keda_crds
from conformance.wire import play
from e2e.rig.cluster import RealCluster

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
RECORD = "CANARYKIT_RECORD"


async def test_reality_answers_as_recorded(real_api_server: RealCluster):
    """Every step of the whole battery; with CANARYKIT_RECORD=1 the answers are written instead."""
    send = await client_send(str(real_api_server.kubeconfig("admin")))
    answers: dict[str, Any] = {}
    try:
        await install(send, (*crds(), *keda_crds()))
        for scenario in scenarios():
            answers[scenario.name] = masked(await play(send, scenario))
    finally:
        await send.aclose()
    if os.environ.get(RECORD) == "1":
        for name, found in answers.items():
            recordings.write(name, found)
    changed = {name: differences(recordings.read(name), found) for name, found in answers.items()}
    assert {name: lines for name, lines in changed.items() if lines} == {}
