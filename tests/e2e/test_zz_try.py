import pytest, time, cProfile, pstats
from e2e.test_crashes import *
pytestmark = pytest.mark.looptime(idle_timeout=36000)
async def test_x():
    saved=await saved_for("success")
    p=cProfile.Profile()
    t=time.process_time()
    fair=await play("success",saved)
    print(time.process_time()-t)
    p.enable()
    fair=await play("success",saved)
    p.disable()
    pstats.Stats(p).sort_stats("cumulative").print_stats(70)
