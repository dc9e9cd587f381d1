"""KEDA on the real cluster: its CRDs, the operator, the metrics adapter and the APIService that leads to it.

There is no kube-proxy and no pod: the APIService's Service is an ExternalName for localhost.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from . import pki
from .client import Client
from .processes import Processes, free_port

BINARIES = ("keda-operator", "keda-adapter")
NAMESPACE = "keda"
CRDS = "crds"
EXTERNAL_METRICS = "/apis/external.metrics.k8s.io/v1beta1"
API_SERVICE = "v1beta1.external.metrics.k8s.io"


def start(
    processes: Processes,
    paths: Mapping[str, Path],
    client: Client,
    authority: pki.Authority,
    home: Path,
    kubeconfig: Callable[[str], Path],
) -> None:
    """Install and start it all; `wait` for it before it is used."""
    for crd in crds(paths["keda-operator"]):
        client.apply(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}", crd)
    client.apply(f"/api/v1/namespaces/{NAMESPACE}", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    certificates = _certificates(authority, home)
    metrics, adapter = free_port(), free_port()
    _start_operator(processes, paths["keda-operator"], kubeconfig("keda-operator"), certificates, metrics)
    _start_adapter(processes, paths["keda-adapter"], kubeconfig("keda-adapter"), certificates, metrics, adapter)
    _register(client, adapter)


def crds(operator: Path) -> list[dict[str, Any]]:
    """Return KEDA's CustomResourceDefinitions, which were kept beside its operator's binary; [] where they were not."""
    paths = sorted((operator.parent / CRDS).glob("*.yaml"))
    return [each for path in paths for each in yaml.safe_load_all(path.read_text()) if each]


def wait(processes: Processes, client: Client) -> None:
    """Wait until the API server hands requests for external metrics on to the adapter."""
    processes.wait_until("keda-adapter", lambda: client.is_ok(EXTERNAL_METRICS), limit_s=60)


def _certificates(authority: pki.Authority, home: Path) -> Path:
    folder = home / "keda"
    folder.mkdir()
    (folder / "ca.crt").write_bytes(authority.certificate)
    authority.both("keda").write(folder / "tls")
    return folder


def _start_operator(processes: Processes, binary: Path, kubeconfig: Path, certificates: Path, metrics: int) -> None:
    processes.start(
        "keda-operator",
        [
            binary,
            f"--cert-dir={certificates}",
            "--enable-cert-rotation=false",
            "--enable-webhook-patching=false",
            "--enable-apiservice-patching=false",
            "--leader-elect=false",
            f"--metrics-bind-address=127.0.0.1:{free_port()}",
            f"--health-probe-bind-address=127.0.0.1:{free_port()}",
            f"--metrics-service-bind-address=127.0.0.1:{metrics}",
        ],
        {**_ENVIRONMENT, "KUBECONFIG": str(kubeconfig)},
    )


def _start_adapter(processes: Processes, binary: Path, kubeconfig: Path, certificates: Path, metrics: int, port: int) -> None:
    processes.start(
        "keda-adapter",
        [
            binary,
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--port={free_port()}",
            f"--cert-dir={certificates}",
            f"--tls-cert-file={certificates / 'tls.crt'}",
            f"--tls-private-key-file={certificates / 'tls.key'}",
            f"--metrics-service-address=localhost:{metrics}",
            f"--lister-kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
        ],
        {**_ENVIRONMENT, "KUBECONFIG": str(kubeconfig)},
    )


_ENVIRONMENT = {"POD_NAMESPACE": NAMESPACE, "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE, "WATCH_NAMESPACE": ""}


def _register(client: Client, port: int) -> None:
    name = "keda-metrics-apiserver"
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port, "protocol": "TCP"}]},
    }
    api_service = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": API_SERVICE},
        "spec": {
            "group": "external.metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": name, "namespace": NAMESPACE, "port": port},
        },
    }
    client.apply(f"/api/v1/namespaces/{NAMESPACE}/services/{name}", service)
    client.apply(f"/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}", api_service)
