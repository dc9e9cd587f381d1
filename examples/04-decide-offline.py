"""Drive the corridor by hand: what would a controller do with this Canary now? Run: python examples/04-decide-offline.py"""

from canarykit import Ref, Settings, status_patch
from canarykit.decide import decide
from canarykit.observe import observe
from canarykit.plan import plan

NOW = 1_790_000_000.0
canary = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "shop", "namespace": "test", "uid": "1"},
    "spec": {
        "provider": "kubernetes",
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "service": {"port": 80},
        "analysis": {"interval": "30s", "threshold": 3, "iterations": 4},
    },
}
target = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "namespace": "test"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "shop", "image": "shop:1"}]}},
    },
}
objects = {Ref.of(each): each for each in (canary, target)}
settings = Settings()

snapshot = observe(objects, ("test", "shop"), settings, NOW)
decision = decide(snapshot, {}, NOW, token="first")
print(decision.rule, decision.verdict, "-", decision.reason)
assert (decision.rule, decision.state.phase) == ("N1", "Initializing")

patch = status_patch(snapshot, decision.state, NOW)
after = {**objects, Ref.of(canary): {**canary, "status": patch["status"]}}
actions = plan(observe(after, ("test", "shop"), settings, NOW), NOW)
for action in actions:
    print(action.verb, action.ref, "-", action.reason)
assert any(action.ref.name == "shop-primary" and action.verb == "create" for action in actions)
