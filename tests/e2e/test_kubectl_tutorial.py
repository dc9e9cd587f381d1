"""The tutorial word for word with the real kubectl, against `canary-controller sandbox` as a process of its own."""

import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import yaml

from e2e.terminal import Terminal, sandbox, wait_until
from harness import sample

pytestmark = pytest.mark.kubectl

SUCCESS = [
    "New revision detected! Scaling up podinfo.test",
    "Starting canary analysis for podinfo.test",
    *(f"Advance podinfo.test canary iteration {number}/5" for number in range(1, 6)),
    "Copying podinfo.test template spec to podinfo-primary.test",
    "Promotion completed! Scaling down podinfo.test",
]
BOOTSTRAP = ["all the metrics providers are available!", "Initialization done! podinfo.test"]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture
def kubectl(tmp_path: Path) -> Iterator[Terminal]:
    """A sandbox with our controller in it, its waits divided by thirty, and the tutorial's files beside it."""
    for manifest, name in zip(sample("tutorial.yaml")[1:], ("deployment", "so", "podinfo-canary"), strict=True):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    with sandbox(tmp_path, "--speed", "30") as (terminal, running):
        yield terminal
        assert running.end() == 0
        assert "Traceback" not in running.text()


def told(kubectl: Terminal) -> list[tuple[str, str]]:
    """Return type and message of the Events that ``kubectl describe canary`` shows, as shown, without the waiting lines."""
    text = kubectl.run("-n", "test", "describe", "canary/podinfo").partition("\nEvents:\n")[2]
    rows = [re.split(r"\s{2,}", line.strip(), maxsplit=4) for line in text.splitlines()[2:]]
    assert all(row[1] == "Synced" and row[3] == "flagger" for row in rows), rows
    return [(row[0], row[4]) for row in rows if " not ready: " not in row[4]]


def forget_events(kubectl: Terminal) -> None:
    """Delete all Events: kubectl sorts by whole seconds and keeps the order within one only among twelve Events at most."""
    kubectl.run("-n", "test", "delete", "events", "--all")


def annotations(kubectl: Terminal) -> dict[str, str]:
    found = orjson.loads(kubectl.run("get", "-n", "test", "scaledobjects", "podinfo-so", "-o=jsonpath={.metadata.annotations}"))
    found.pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return dict(found)


def bootstrap(kubectl: Terminal) -> None:
    """`create ns` and three `apply -f` lead to Initialized and to every generated object, each under its name."""
    assert kubectl.run("create", "ns", "test") == "namespace/test created\n"
    home = kubectl.home
    assert kubectl.run("apply", "-n", "test", "-f", f"{home}/deployment.yaml") == "deployment.apps/podinfo created\n"
    assert kubectl.run("apply", "-f", f"{home}/so.yaml") == "scaledobject.keda.sh/podinfo-so created\n"
    assert kubectl.run("apply", "-f", f"{home}/podinfo-canary.yaml") == "canary.flagger.app/podinfo created\n"
    kubectl.phase("Initialized")
    kubectl.run("-n", "test", "wait", "deploy/podinfo", "--for=jsonpath={.spec.replicas}=0", "--timeout=30s")
    names = kubectl.run("-n", "test", "get", "deploy,svc,so,hpa,canary", "-o", "name").split()
    assert names == [
        "deployment.apps/podinfo",
        "deployment.apps/podinfo-primary",
        "service/podinfo-svc",
        "service/podinfo-svc-canary",
        "service/podinfo-svc-primary",
        "scaledobject.keda.sh/podinfo-so",
        "scaledobject.keda.sh/podinfo-so-primary",
        "horizontalpodautoscaler.autoscaling/keda-hpa-podinfo-so-primary",
        "canary.flagger.app/podinfo",
    ]
    assert told(kubectl) == [("Normal", text) for text in BOOTSTRAP]


def at_rest(kubectl: Terminal) -> None:
    """The source is paused at 0, the target has no pods, and the tables look as the tutorial prints them."""
    wait_until(lambda: annotations(kubectl) == {"autoscaling.keda.sh/paused-replicas": "0"}, lambda: str(annotations(kubectl)))
    head, row = kubectl.run("get", "canaries", "--all-namespaces").splitlines()
    assert head.split() == ["NAMESPACE", "NAME", "STATUS", "WEIGHT", "LASTTRANSITIONTIME"]
    assert re.fullmatch(rf"test +podinfo +Initialized +0 +{TIME}", row)
    head, *rows = kubectl.lines("-n", "test", "get", "deploy")
    assert head == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert [row[:4] for row in rows] == [["podinfo", "0/0", "0", "0"], ["podinfo-primary", "2/2", "2", "2"]]
    head, *rows = kubectl.lines("-n", "test", "get", "hpa")
    assert head == ["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"]
    assert [(row[0], row[1], row[-4:-1]) for row in rows] == [
        ("keda-hpa-podinfo-so-primary", "Deployment/podinfo-primary", ["2", "5", "2"])
    ]
    spec = orjson.loads(kubectl.run("-n", "test", "get", "so", "podinfo-so-primary", "-o", "json"))["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 5)
    assert spec["triggers"][0]["metadata"]["query"] == 'sum(rate(http_requests_total{ app="podinfo-primary" }[30s]))'
    ports = kubectl.lines("-n", "test", "get", "svc", "--no-headers")
    assert {row[4] for row in ports} == {"80/TCP,9797/TCP,9999/TCP"}


def promotion(kubectl: Terminal) -> None:
    """`set image` starts a rollout that `get -w` follows to Succeeded; `describe` lists its Events in order, each once."""
    forget_events(kubectl)
    watching = kubectl.start("watch", "-n", "test", "get", "canary", "podinfo", "-w")
    try:
        watching.wait_for("Initialized")
        image = "podinfod=ghcr.io/stefanprodan/podinfo:6.0.1"
        assert kubectl.run("-n", "test", "set", "image", "deployment/podinfo", image) == "deployment.apps/podinfo image updated\n"
        kubectl.phase("Progressing")
        out = kubectl.run("-n", "test", "rollout", "status", "deploy/podinfo", "--timeout=30s")
        assert out.endswith('deployment "podinfo" successfully rolled out\n')
        assert annotations(kubectl) == {}
        out = kubectl.run("-n", "test", "wait", "canary/podinfo", "--for=condition=Promoted", "--timeout=60s")
        assert out == "canary.flagger.app/podinfo condition met\n"
        kubectl.phase("Succeeded")
        watching.wait_for("Succeeded")
    finally:
        watching.end()
    head, *rows = [line.split() for line in watching.text().splitlines()]
    assert head == ["NAME", "STATUS", "WEIGHT", "LASTTRANSITIONTIME"]
    phases = list(dict.fromkeys(row[1] for row in rows))
    assert phases == ["Initialized", "Progressing", "Promoting", "Finalising", "Succeeded"]
    wait_until(lambda: len(told(kubectl)) >= len(SUCCESS), lambda: str(told(kubectl)))
    assert told(kubectl) == [("Normal", text) for text in SUCCESS]
    jsonpath = "-o=jsonpath={.spec.template.spec.containers[0].image}"
    assert kubectl.run("-n", "test", "get", "deploy", "podinfo-primary", jsonpath) == "ghcr.io/stefanprodan/podinfo:6.0.1"
    condition = "-o=jsonpath={.status.conditions[?(@.type=='Promoted')].reason}"
    assert kubectl.run("-n", "test", "get", "canary", "podinfo", condition) == "Succeeded"


def rollback(kubectl: Terminal) -> None:
    """An image that fails one request in five is rolled back; the three Warnings of one second come in their order."""
    forget_events(kubectl)
    kubectl.run("-n", "test", "set", "image", "deployment/podinfo", "podinfod=ghcr.io/stefanprodan/podinfo:6.0.2")
    kubectl.phase("Failed")
    wait_until(lambda: "Canary failed!" in str(told(kubectl)), lambda: str(told(kubectl)))
    found = told(kubectl)
    assert [text for _, text in found[:2]] == SUCCESS[:2]
    halts = [text for kind, text in found if kind == "Warning" and text.startswith("Halt ")]
    assert halts
    assert all(re.fullmatch(r"Halt podinfo.test advancement success rate \d+\.\d\d% < 99%", text) for text in halts)
    assert found[-2:] == [
        ("Warning", "Rolling back podinfo.test failed checks threshold reached 5"),
        ("Warning", "Canary failed! Scaling down podinfo.test"),
    ]
    assert kubectl.lines("-n", "test", "get", "canary", "podinfo", "--no-headers")[0][:3] == ["podinfo", "Failed", "0"]
    wait_until(lambda: annotations(kubectl) == {"autoscaling.keda.sh/paused-replicas": "0"}, lambda: str(annotations(kubectl)))


def deletion(kubectl: Terminal) -> None:
    """`delete canary` takes what it made with it; `delete ns` the rest."""
    out = kubectl.run("-n", "test", "delete", "canary", "podinfo")
    assert out == 'canary.flagger.app "podinfo" deleted from test namespace\n'
    wait_until(lambda: len(_left(kubectl)) == 2, lambda: str(_left(kubectl)))
    assert _left(kubectl) == ["deployment.apps/podinfo", "scaledobject.keda.sh/podinfo-so"]
    assert kubectl.run("delete", "ns", "test") == 'namespace "test" deleted\n'
    assert kubectl.run("get", "ns", "test", code=1) == 'Error from server (NotFound): namespaces "test" not found\n'


def _left(kubectl: Terminal) -> list[str]:
    return kubectl.run("-n", "test", "get", "deploy,svc,so", "-o", "name").split()


def test_the_tutorial(kubectl: Terminal):
    """Bootstrap, rest, a good release, a bad one, and the end, each as the tutorial types it."""
    bootstrap(kubectl)
    at_rest(kubectl)
    promotion(kubectl)
    rollback(kubectl)
    deletion(kubectl)


def canary_edits(kubectl: Terminal) -> None:
    """`patch`, `edit`, `explain` and `auth can-i` of a custom resource, whose type does without strategic merge."""
    refused = kubectl.run("-n", "test", "patch", "canary", "podinfo", "--type=strategic", "-p", '{"spec":{}}', code=1)
    assert "application/strategic-merge-patch+json is not supported by flagger.app/v1beta1, Kind=Canary" in refused
    body = '{"spec":{"analysis":{"threshold":6}}}'
    out = kubectl.run("-n", "test", "patch", "canary", "podinfo", "--type=merge", "-p", body)
    assert out == "canary.flagger.app/podinfo patched\n"
    edited = kubectl.run("-n", "test", "edit", "canary", "podinfo", KUBE_EDITOR="sed -i s/threshold:.6/threshold:\\ 7/")
    assert edited == "canary.flagger.app/podinfo edited\n"
    assert kubectl.run("-n", "test", "get", "canary", "podinfo", "-o=jsonpath={.spec.analysis.threshold}") == "7"
    explained = kubectl.run("explain", "canary.spec")
    assert "KIND:       Canary" in explained
    assert "autoscalerRef\t<Object>" in explained
    assert kubectl.run("auth", "can-i", "create", "canaries", "-n", "test") == "yes\n"


def wrong_canary(kubectl: Terminal) -> None:
    """The CRD's own checks speak to the person who applies."""
    manifest = sample("tutorial.yaml")[3]
    manifest["metadata"]["name"] = "wrong"
    manifest["spec"]["analysis"]["interval"] = "5x"
    path = kubectl.home / "wrong.yaml"
    path.write_text(yaml.safe_dump(manifest))
    out = kubectl.run("apply", "-f", str(path), code=1)
    assert 'The Canary "wrong" is invalid: spec.analysis.interval: Invalid value: "5x"' in out


def config_applies(kubectl: Terminal) -> None:
    """Server-side apply with a conflict, `diff`, and the three types of patch."""
    config = kubectl.home / "config.yaml"
    config.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes, namespace: test}\ndata: {a: '1'}\n")
    apply = ("apply", "--server-side", "-f", str(config))
    assert kubectl.run(*apply) == "configmap/notes serverside-applied\n"
    assert kubectl.run("diff", "--server-side", "-f", str(config)) == ""
    config.write_text(config.read_text().replace("'1'", "'2'"))
    diff = kubectl.run("diff", "--server-side", "-f", str(config), code=1).splitlines()
    assert [line.split() for line in diff if re.match(r"[-+] ", line)] == [["-", "a:", '"1"'], ["+", "a:", '"2"']]
    conflict = kubectl.run(*apply, "--field-manager=other", code=1)
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .data.a' in conflict
    assert kubectl.run(*apply, "--field-manager=other", "--force-conflicts") == "configmap/notes serverside-applied\n"
    for arguments in (
        ("--type=merge", "-p", '{"data":{"b":"1","c":"1"}}'),
        ("--type=strategic", "-p", '{"data":{"b":"2"}}'),
        ("--type=json", "-p", '[{"op":"remove","path":"/data/c"}]'),
    ):
        assert kubectl.run("-n", "test", "patch", "cm", "notes", *arguments) == "configmap/notes patched\n"
    assert orjson.loads(kubectl.run("-n", "test", "get", "cm", "notes", "-o=jsonpath={.data}")) == {"a": "2", "b": "2"}


def scaling(kubectl: Terminal) -> None:
    """`scale`, `rollout restart`, `rollout status`, and a strategic patch that finds a container by name."""
    kubectl.run("-n", "test", "create", "deploy", "other", "--image=nginx")
    assert kubectl.run("-n", "test", "scale", "deploy", "other", "--replicas=2") == "deployment.apps/other scaled\n"
    kubectl.run("-n", "test", "rollout", "status", "deploy/other", "--timeout=30s")
    assert kubectl.lines("-n", "test", "get", "deploy", "other", "--no-headers")[0][:4] == ["other", "2/2", "2", "2"]
    body = '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","env":[{"name":"A","value":"1"}]}]}}}}'
    assert kubectl.run("-n", "test", "patch", "deploy", "other", "-p", body) == "deployment.apps/other patched\n"
    shown = "-o=jsonpath={.spec.template.spec.containers[*].image} {.spec.template.spec.containers[*].env[*].name}"
    assert kubectl.run("-n", "test", "get", "deploy", "other", shown) == "nginx A"
    assert kubectl.run("-n", "test", "rollout", "restart", "deploy", "other") == "deployment.apps/other restarted\n"
    out = kubectl.run("-n", "test", "rollout", "status", "deploy/other", "--timeout=30s")
    assert out.endswith('deployment "other" successfully rolled out\n')


def test_what_people_type_besides(kubectl: Terminal):
    """What is not in the tutorial and comes up all the same."""
    kubectl.run("create", "ns", "test")
    for name in ("deployment", "so", "podinfo-canary"):
        kubectl.run("apply", "-f", str(kubectl.home / f"{name}.yaml"))
    kubectl.phase("Initialized")
    canary_edits(kubectl)
    wrong_canary(kubectl)
    config_applies(kubectl)
    scaling(kubectl)
    assert kubectl.run("-n", "test", "rollout", "restart", "deploy", "podinfo") == "deployment.apps/podinfo restarted\n"
    kubectl.phase("Progressing")
