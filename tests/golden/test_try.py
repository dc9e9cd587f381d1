import sys, pytest
sys.path.insert(0,'/work/main/tests')
from golden.recording import recording, names
from golden.replay import replay
pytestmark = pytest.mark.looptime(idle_timeout=36000)
@pytest.mark.parametrize("name", names())
async def test_it(name):
    r=recording(name)
    p=await replay(r, r.said()[:0], r.called()[:0])
    print(p.story); print([ (s.phase,s.message) for s in p.said])
