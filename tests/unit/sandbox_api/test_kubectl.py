"""The real kubectl over TLS against the embedded API server: what the tutorial and people at a terminal type."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from attrs import frozen

from canary_controller.sandbox.api import Api
from canary_controller.sandbox.http import Server
from canary_controller.sandbox.kubeconfig import write_kubeconfig
from canary_controller.sandbox.store import Store
from unit.sandbox_api.client import a_crd, a_deployment, a_widget

pytestmark = pytest.mark.kubectl
KUBECTL = Path(sys.executable).parent / "kubectl"


@frozen
class Ran:
    code: int
    out: str
    err: str


@frozen
class Kubectl:
    """Runs kubectl with a home of its own against a server of its own."""

    home: Path
    api: Api

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        environment = {"HOME": str(self.home), "KUBECONFIG": str(self.home / "config"), "PATH": os.environ.get("PATH", "")}
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            str(KUBECTL), *arguments, stdin=pipe, stdout=pipe, stderr=pipe, env=environment
        )

    async def run(self, *arguments: str, stdin: Any = None, fails: bool = False) -> Ran:
        process = await self.start(*arguments)
        sent = b"" if stdin is None else orjson.dumps(stdin)
        out, err = await asyncio.wait_for(process.communicate(sent), 20)
        ran = Ran(process.returncode or 0, out.decode(), err.decode())
        assert (ran.code != 0) is fails, ran
        return ran

    async def out(self, *arguments: str, stdin: Any = None) -> str:
        return (await self.run(*arguments, stdin=stdin)).out.strip()

    def report(self, name: str, **status: Any) -> None:
        """Write a Deployment's status as its controller would."""
        resource = self.api.registry.find("apps", "v1", "deployments")
        assert resource is not None
        key = resource.key("default", name)
        manifest = self.api.store.fetch(key)
        self.api.store.replace(key, {**manifest, "status": {"observedGeneration": manifest["metadata"]["generation"], **status}})


@pytest.fixture
async def kubectl(tmp_path: Path) -> AsyncIterator[Kubectl]:
    api = Api(Store(time.time))
    server = Server(api, time.time, token="let-me-in")
    access = await server.start()
    write_kubeconfig(tmp_path / "config", access)
    yield Kubectl(tmp_path, api)
    await server.stop()


async def test_namespaces_are_created_and_deleted(kubectl: Kubectl):
    assert await kubectl.out("create", "ns", "test") == "namespace/test created"
    assert (await kubectl.out("get", "ns", "test", "-o", "jsonpath={.status.phase}")) == "Active"
    again = await kubectl.run("create", "ns", "test", fails=True)
    assert again.err.strip() == 'Error from server (AlreadyExists): namespaces "test" already exists'
    assert (
        await kubectl.out("create", "configmap", "settings", "-n", "test", "--from-literal=a=b") == "configmap/settings created"
    )
    assert await kubectl.out("get", "cm", "settings", "-n", "test", "-o", "jsonpath={.data}") == '{"a":"b"}'
    assert "deleted" in await kubectl.out("delete", "ns", "test")
    assert (await kubectl.run("get", "ns", "test", fails=True)).err.strip() == (
        'Error from server (NotFound): namespaces "test" not found'
    )


async def test_apply_creates_then_changes_then_leaves_alone(kubectl: Kubectl):
    apply = ("apply", "-f", "-")
    assert await kubectl.out(*apply, stdin=a_deployment()) == "deployment.apps/podinfo created"
    assert await kubectl.out(*apply, stdin=a_deployment()) == "deployment.apps/podinfo unchanged"
    assert await kubectl.out(*apply, stdin=a_deployment(image="podinfo:6.0.1")) == "deployment.apps/podinfo configured"
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert await kubectl.out("get", "deploy", "podinfo", "-o", image) == "podinfo:6.0.1"
    bad = await kubectl.run(*apply, stdin=a_deployment("other", replicas=-1), fails=True)
    assert "spec.replicas: Invalid value: -1" in bad.err
    assert (
        await kubectl.out("set", "image", "deployment/podinfo", "podinfod=podinfo:6.0.2")
        == "deployment.apps/podinfo image updated"
    )
    assert await kubectl.out("get", "deploy", "podinfo", "-o", image) == "podinfo:6.0.2"
    assert "image: podinfo:6.0.2" in await kubectl.out("get", "deploy", "podinfo", "-o", "yaml")


async def test_apply_on_the_server_names_conflicts(kubectl: Kubectl):
    apply = ("apply", "--server-side", "-f", "-")
    assert await kubectl.out(*apply, stdin=a_deployment()) == "deployment.apps/podinfo serverside-applied"
    await kubectl.run("scale", "deployment/podinfo", "--replicas=5")
    refused = await kubectl.run(*apply, stdin=a_deployment(replicas=3), fails=True)
    assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in refused.err
    await kubectl.run(*apply, "--force-conflicts", stdin=a_deployment(replicas=3))
    assert await kubectl.out("get", "deploy", "podinfo", "-o", "jsonpath={.spec.replicas}") == "3"


async def test_patches_of_all_types(kubectl: Kubectl):
    await kubectl.run("apply", "-f", "-", stdin=a_deployment())
    for kind, change in (
        ("merge", '{"spec":{"replicas":3}}'),
        ("json", '[{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]'),
        ("strategic", '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"s"}]}}}}'),
    ):
        assert "patched" in await kubectl.out("patch", "deployment", "podinfo", "--type", kind, "-p", change)
    shown = "jsonpath={.spec.replicas} {.metadata.labels.a} {.spec.template.spec.containers[*].name}"
    assert await kubectl.out("get", "deploy", "podinfo", "-o", shown) == "3 b side podinfod"
    no_change = await kubectl.out("patch", "deployment", "podinfo", "--type=merge", "-p", '{"spec":{"replicas":3}}')
    assert "no change" in no_change
    await kubectl.run("label", "deployment", "podinfo", "colour=blue")
    await kubectl.run("annotate", "deployment", "podinfo", "note=x")
    assert await kubectl.out("get", "deploy", "-l", "colour=blue", "-o", "name") == "deployment.apps/podinfo"


async def test_get_shows_tables(kubectl: Kubectl):
    await kubectl.run("apply", "-f", "-", stdin=a_deployment())
    kubectl.report("podinfo", replicas=2, readyReplicas=2, updatedReplicas=2, availableReplicas=2)
    plain = (await kubectl.out("get", "deploy")).splitlines()
    wide = (await kubectl.out("get", "deploy", "-o", "wide")).splitlines()
    assert plain[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert plain[1].split()[:4] == ["podinfo", "2/2", "2", "2"]
    assert wide[0].split()[5:] == ["CONTAINERS", "IMAGES", "SELECTOR"]
    assert wide[1].split()[5:] == ["podinfod", "podinfo:6.0.0", "app=podinfo"]
    everything = await kubectl.out("get", "all", "-A")
    assert "deployment.apps/podinfo" in everything
    assert "No resources found" in (await kubectl.run("get", "pods")).err


async def test_custom_resources_feel_native(kubectl: Kubectl):
    assert (
        await kubectl.out("apply", "-f", "-", stdin=a_crd())
        == "customresourcedefinition.apiextensions.k8s.io/widgets.example.dev created"
    )
    assert "condition met" in await kubectl.out("wait", "--for=condition=established", "crd/widgets.example.dev")
    assert await kubectl.out("apply", "-f", "-", stdin=a_widget()) == "widget.example.dev/gear created"
    assert (await kubectl.out("get", "wd", "-A")).split()[:4] == ["NAMESPACE", "NAME", "SIZE", "READY"]
    refused = await kubectl.run("apply", "-f", "-", stdin=a_widget("other", shape="round"), fails=True)
    assert 'unknown field "spec.shape"' in refused.err
    assert "size" in await kubectl.out("explain", "widget.spec")
    assert "Kind:         Widget" in await kubectl.out("describe", "widget", "gear")
    await kubectl.run("scale", "widget/gear", "--replicas=8")
    await kubectl.run("patch", "widget", "gear", "--subresource=status", "--type=merge", "-p", '{"status":{"size":8}}')
    assert await kubectl.out("get", "widget", "gear", "-o", "jsonpath={.spec.size} {.status.size}") == "8 8"
    assert (
        await kubectl.out("apply", "--server-side", "-f", "-", stdin=a_widget("new"))
        == "widget.example.dev/new serverside-applied"
    )
    assert 'widget.example.dev "gear" deleted' in await kubectl.out("delete", "widget", "gear")


async def test_rollout_status_wait_and_watch_follow_changes(kubectl: Kubectl):
    await kubectl.run("apply", "-f", "-", stdin=a_deployment())
    kubectl.report("podinfo", replicas=2, updatedReplicas=2, unavailableReplicas=2)
    status = await kubectl.start("rollout", "status", "deployment/podinfo", "--timeout=15s")
    wait = await kubectl.start("wait", "--for=condition=Available", "deployment/podinfo", "--timeout=15s")
    watch = await kubectl.start("get", "deploy", "-w")
    assert status.stdout is not None
    assert watch.stdout is not None
    assert b"Waiting for deployment" in await asyncio.wait_for(status.stdout.readline(), 15)
    lines = [await asyncio.wait_for(watch.stdout.readline(), 15) for _ in range(2)]
    assert lines[1].split()[:2] == [b"podinfo", b"0/2"]
    conditions = [{"type": "Available", "status": "True"}]
    kubectl.report("podinfo", replicas=2, readyReplicas=2, updatedReplicas=2, availableReplicas=2, conditions=conditions)
    out, _ = await asyncio.wait_for(status.communicate(), 15)
    assert b"successfully rolled out" in out
    out, _ = await asyncio.wait_for(wait.communicate(), 15)
    assert b"condition met" in out
    assert (await asyncio.wait_for(watch.stdout.readline(), 15)).split()[:2] == [b"podinfo", b"2/2"]
    watch.terminate()
    await watch.wait()


async def test_create_deployment_and_rollout_restart(kubectl: Kubectl):
    created = await kubectl.out("create", "deployment", "web", "--image=nginx:1", "--replicas=0")
    assert created == "deployment.apps/web created"
    shown = "jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image} {.spec.selector.matchLabels.app}"
    assert await kubectl.out("get", "deploy", "web", "-o", shown) == "0 nginx:1 web"
    assert await kubectl.out("rollout", "restart", "deployment/web") == "deployment.apps/web restarted"
    assert await kubectl.out("set", "env", "deployment/web", "COLOUR=blue") == "deployment.apps/web env updated"
    assert await kubectl.out("get", "deploy", "web", "-o", "jsonpath={.metadata.generation}") == "3"
    refused = await kubectl.run("create", "role", "r", "--verb=get", "--resource=pods", fails=True)
    assert "does not read rbac.authorization.k8s.io/v1/Role in protobuf; send JSON" in refused.err


async def test_describe_shows_events(kubectl: Kubectl):
    await kubectl.run("apply", "-f", "-", stdin=a_deployment())
    uid = await kubectl.out("get", "deploy", "podinfo", "-o", "jsonpath={.metadata.uid}")
    stamp = "2026-01-01T00:00:00Z"
    involved = {"kind": "Deployment", "name": "podinfo", "namespace": "default", "uid": uid}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "podinfo.1", "namespace": "default"}, "type": "Normal"}
    event |= {"involvedObject": involved, "reason": "Synced", "message": "all is well", "count": 1}
    await kubectl.run("create", "-f", "-", stdin={**event, "firstTimestamp": stamp, "lastTimestamp": stamp})
    described = await kubectl.out("describe", "deployment", "podinfo")
    assert "StrategyType:" in described
    assert "all is well" in described
    assert "all is well" in await kubectl.out("get", "events")


async def test_delete_waits_until_the_object_is_gone(kubectl: Kubectl):
    await kubectl.run("apply", "-f", "-", stdin=a_deployment())
    await kubectl.run("patch", "deploy", "podinfo", "--type=merge", "-p", '{"metadata":{"finalizers":["example.dev/hold"]}}')
    delete = await kubectl.start("delete", "deployment", "podinfo")
    assert delete.stdout is not None
    assert b"deleted" in await asyncio.wait_for(delete.stdout.readline(), 15)
    assert delete.returncode is None
    await kubectl.run("patch", "deploy", "podinfo", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert await asyncio.wait_for(delete.wait(), 15) == 0


async def test_discovery_and_identity(kubectl: Kubectl):
    listed = await kubectl.out("api-resources", "--no-headers", "-o", "name")
    assert {"deployments.apps", "pods", "leases.coordination.k8s.io"} <= set(listed.splitlines())
    assert "Server Version: v1.37.2" in await kubectl.out("version")
    assert await kubectl.out("auth", "can-i", "delete", "pods") == "yes"
    assert "sandbox-admin" in await kubectl.out("auth", "whoami")
