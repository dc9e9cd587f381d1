"""What is needed to run the controller in a cluster: access rules that suffice and are least, manifests, an image."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from click.testing import CliRunner

from canary_controller.rbac import role, rules
from canary_controller.sandbox.request import understand
from canarykit.settings import Settings
from e2e.terminal import Terminal, sandbox
from harness import Rig, sample

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = Settings(metrics_server="http://flagger-prometheus.flagger-system:9090")


def granted(config_tracking: bool = True) -> set[tuple[str, str, str]]:
    """Return (group, resource, verb) of every permission in the role."""
    return {
        (group, resource, verb)
        for rule in rules(config_tracking)
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def needed(rig: Rig) -> set[tuple[str, str, str]]:
    """Return (group, resource, verb) of every request that the controller made; an apply needs create as well."""
    found = set()
    for logged in rig.cluster.api.requests:
        if not logged.user_agent.startswith("canary-controller"):
            continue
        asked = understand("GET", logged.path, {}, b"")
        resource = f"{asked.plural}/{asked.subresource}" if asked.subresource else asked.plural
        found.add((asked.group, resource, logged.verb))
        if logged.verb == "patch" and "force=true" in urlsplit(logged.path).query:
            found.add((asked.group, resource, "create"))
    return found


@pytest.mark.looptime(idle_timeout=36000)
async def test_the_role_allows_all_that_the_controller_does_in_the_tutorial():
    """Every request from bootstrap to Succeeded, with a tracked ConfigMap, is in the role."""
    async with Rig(TUTORIAL) as rig:
        manifests = sample("tutorial.yaml")
        container = manifests[1]["spec"]["template"]["spec"]["containers"][0]
        container["envFrom"] = [{"configMapRef": {"name": "notes"}}]
        notes = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes", "namespace": "test"}, "data": {"a": "1"}}
        await rig.apply(manifests[0], notes, *manifests[1:])
        await rig.until_phase("Initialized", limit_s=300)
        await rig.set_image("ghcr.io/stefanprodan/podinfo:6.0.1")
        await rig.until_phase("Succeeded", limit_s=600)
        await rig.rest(60)
        asked = needed(rig)
        assert ("", "configmaps", "create") in asked
        assert ("keda.sh", "scaledobjects", "patch") in asked
        assert asked <= granted(), sorted(asked - granted())


def test_the_role_has_no_wildcard_and_no_secrets_without_config_tracking():
    assert "*" not in yaml.safe_dump(role())
    assert {verb for _, resource, verb in granted() if resource == "secrets"} == {"get", "list", "watch", "create", "patch"}
    assert not {resource for _, resource, _ in granted(config_tracking=False)} & {"secrets", "configmaps"}
    assert role("shop")["kind"] == "Role"
    assert role("shop")["metadata"] == {"name": "canary-controller", "namespace": "shop"}


def test_the_role_in_kustomize_is_what_the_command_prints():
    from canary_controller.__main__ import main

    printed = CliRunner().invoke(main, ["rbac"])
    assert printed.exit_code == 0
    assert yaml.safe_load(printed.output) == role()
    assert yaml.safe_load((ROOT / "controller" / "kustomize" / "role.yaml").read_text()) == role()


def test_the_image_is_built_from_files_that_exist_and_runs_without_root_or_shell():
    lines = (ROOT / "controller" / "Dockerfile").read_text().splitlines()
    sources = [word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    last: dict[str, str] = {}
    for line in lines:
        instruction, _, rest = line.partition(" ")
        last[instruction] = rest
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last["USER"])
    assert last["ENTRYPOINT"] == '["/venv/bin/canary-controller"]'
    assert last["CMD"] == '["run"]'
    assert all(line.startswith("RUN [") for line in lines if line.startswith("RUN"))


@pytest.mark.kubectl
def test_kustomize_applies_and_its_flags_are_known(tmp_path: Path):
    """`kubectl apply -k` makes every object; the arguments of the container are flags that `run` accepts."""
    with sandbox(tmp_path, "--no-controller") as (terminal, _):
        out = terminal.run("apply", "-k", str(ROOT / "controller" / "kustomize"))
        assert out.splitlines() == [
            "namespace/canarykit-system created",
            "serviceaccount/canary-controller created",
            "clusterrole.rbac.authorization.k8s.io/canary-controller created",
            "clusterrolebinding.rbac.authorization.k8s.io/canary-controller created",
            "deployment.apps/canary-controller created",
        ]
        container = _container(terminal)
        assert container["image"] == "canary-controller:0.1.0"
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    from canary_controller.__main__ import main

    result = CliRunner().invoke(main, [*container["args"], "-version"])
    assert result.exit_code == 0, result.output


def _container(terminal: Terminal) -> dict[str, Any]:
    text = terminal.run("-n", "canarykit-system", "get", "deploy", "canary-controller", "-o", "yaml")
    found: dict[str, Any] = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"][0]
    return found
