"""Fixtures of the tests on the real control plane: one cluster and one controller for all of them."""

from collections.abc import Iterator

import pytest

from canarykit import kinds
from canarykit.spec.crd import crds
from e2e.real.stage import Stage
from e2e.rig.client import wait_for
from e2e.rig.cluster import RealCluster
from e2e.rig.controller import controller
from e2e.rig.fixture import real_cluster as real_cluster
from e2e.rig.outside import Outside, good

OURS = (kinds.CANARY, kinds.METRIC_TEMPLATE, kinds.ALERT_PROVIDER)


@pytest.fixture(scope="session")
def running_stage(real_cluster: RealCluster) -> Iterator[Stage]:
    """Our CRDs and our controller, as a process, on the real cluster."""
    for crd in crds():
        real_cluster.client.apply_manifest(crd)
    wait_for("our CRDs are served", lambda: all(real_cluster.client.is_ok(kind.path()) for kind in OURS), limit_s=20)
    with Outside() as outside, controller(real_cluster, outside.place) as running:
        yield Stage(real_cluster, outside, running)


@pytest.fixture
def stage(running_stage: Stage) -> Stage:
    """The stage, with a healthy world outside."""
    running_stage.outside.value = good
    running_stage.outside.hook = lambda _path, _payload: 200
    running_stage.outside.hooks.clear()
    return running_stage
