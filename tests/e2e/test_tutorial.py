"""The tutorial in virtual time, over the production controller and the embedded cluster."""

import pytest

from canarykit.settings import Settings
from harness import Rig, sample

pytestmark = pytest.mark.looptime(idle_timeout=3600 * 10)
TUTORIAL = Settings(metrics_server="http://flagger-prometheus.flagger-system:9090")


async def test_tutorial_succeeds():
    """Bootstrap, then image 6.0.1 through five iterations to Succeeded."""
    async with Rig(TUTORIAL) as rig:
        await rig.apply(*sample("tutorial.yaml"))
        await rig.until_phase("Initialized", limit_s=300)
        await rig.rest(60)
        await rig.set_image("ghcr.io/stefanprodan/podinfo:6.0.1")
        await rig.until_phase("Succeeded", "Failed", limit_s=600)
        await rig.rest(30)
        print(rig.story())
        assert rig.phase == "Succeeded"
