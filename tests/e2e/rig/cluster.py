"""The real cluster: etcd, kube-apiserver, its controllers, the scheduler, kwok as the kubelets and KEDA, on loopback.

`RealCluster` starts them in dependency order, waits for each one's own health check, and ends all of them. No containers, no
machines: pods get a status from kwok's stages and no process. Source of the flags: each program's own help.
"""

import base64
import json
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import define, field

from . import binaries, keda, pki
from .client import Client
from .processes import Processes, free_port

MASTERS = "system:masters"
USERS = {
    "admin": (MASTERS,),
    "system:kube-controller-manager": (MASTERS,),
    "system:kube-scheduler": (MASTERS,),
    "kwok": (MASTERS,),
    "keda-operator": (MASTERS,),
    "keda-adapter": (MASTERS,),
    "canary-controller": (),
}
API_SERVER = ("etcd", "kube-apiserver")
CONTROLLERS = ("kube-controller-manager", "kube-scheduler", "kwok")
STAGES = Path(__file__).parent / "stages.yaml"
NODE: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "kwok-0", "labels": {"type": "kwok"}}}
AUDITED = "canary-controller"
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "users": [AUDITED], "verbs": ["get", "list", "watch"]},
        {"level": "Request", "users": [AUDITED]},
        {"level": "None"},
    ],
}


def needed(with_keda: bool = True, with_controllers: bool = True) -> tuple[str, ...]:
    """Return the names of the binaries that a cluster starts."""
    return (*API_SERVER, *(CONTROLLERS if with_controllers else ()), *(keda.BINARIES if with_keda else ()))


@define
class RealCluster:
    """A cluster of real binaries. Use as a context manager, from the main thread.

    Attributes:
        folder: for certificates, data and logs; a temporary one, removed at the end, when not given.
        with_keda: whether the KEDA operator and metrics adapter run too.
        with_controllers: whether anything but the API server and its etcd runs; KEDA needs it.
        took: name of each step -> seconds since the start when it was done.
    """

    with_keda: bool = True
    with_controllers: bool = True
    folder: Path | None = None
    say: Callable[[str], None] = lambda _text: None
    took: dict[str, float] = field(factory=dict)
    processes: Processes = field(init=False)
    client: Client = field(init=False)
    port: int = field(init=False)
    _home: Path = field(init=False)
    _began: float = field(init=False)
    _authority: pki.Authority = field(init=False)
    _paths: dict[str, Path] = field(factory=dict)
    _etcd_port: int = field(init=False, default=0)

    def __enter__(self) -> "RealCluster":
        self._paths = binaries.ensure(needed(self.with_keda, self.with_controllers), self.say)
        self._home = Path(tempfile.mkdtemp(prefix="canarykit-rig-")) if self.folder is None else self.folder
        self._home.mkdir(parents=True, exist_ok=True)
        self.processes = Processes(self._home)
        self._began = time.monotonic()
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.stop_all()
        if self.folder is None:
            shutil.rmtree(self._home, ignore_errors=True)

    @property
    def server(self) -> str:
        """Base URL of the API server."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def home(self) -> Path:
        """The folder with logs, certificates and data."""
        return self._home

    @property
    def audit_log(self) -> Path:
        """What the user canary-controller asked of the API server: a JSON document per line."""
        return self._home / "audit.log"

    def kubeconfig(self, user: str = "admin", groups: Sequence[str] | None = None) -> Path:
        """Write and return a kubeconfig of a user; ``groups`` as in USERS when not given."""
        wanted = USERS.get(user, ()) if groups is None else tuple(groups)
        signed = self._authority.client(user, wanted)
        path = self._home / f"{user.replace(':', '-')}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(pki.kubeconfig(self.server, self._authority.certificate, user, signed))
        return path

    def restart_api_server(self, away_s: float = 0.0) -> None:
        """Stop the API server, stay without it for ``away_s`` seconds, and start it again on the same port."""
        self.processes.stop("kube-apiserver")
        time.sleep(away_s)
        self._start_api_server()

    def compact_etcd(self) -> int:
        """Forget every version of every object but the present one, and return the revision up to which etcd did.

        Who then asks an API server that was started later for what has changed since an older version gets 410.
        """
        url = f"http://127.0.0.1:{self._etcd_port}/v3/kv"
        present = int(_post(f"{url}/range", {"key": base64.b64encode(b"none").decode()})["header"]["revision"])
        _post(f"{url}/compaction", {"revision": present, "physical": True})
        return present

    # -- the steps of a start, in order ---------------------------------------------------------------------------------

    def _start(self) -> None:
        self._make_certificates()
        self._done("certificates")
        self._start_etcd()
        self._start_api_server()
        self._done("API server ready")
        if not self.with_controllers:
            return
        self._start_controllers()
        if self.with_keda:
            keda.start(self.processes, self._paths, self.client, self._authority, self._home, self.kubeconfig)
            self._done("KEDA started")
        self._wait_for_node()
        self._done("node ready")
        if self.with_keda:
            keda.wait(self.processes, self.client)
            self._done("external metrics available")

    def _done(self, what: str) -> None:
        self.took[what] = time.monotonic() - self._began
        self.say(f"{what} after {self.took[what]:.1f} s")

    def _make_certificates(self) -> None:
        self.port = free_port()
        self._authority = pki.Authority("canarykit-rig")
        aggregator = pki.Authority("canarykit-rig-aggregator")
        authority = self._home / "ca.crt"
        authority.write_bytes(self._authority.certificate)
        (self._home / "aggregator-ca.crt").write_bytes(aggregator.certificate)
        self._authority.server("kube-apiserver", (pki.LOOPBACK, "10.96.0.1")).write(self._home / "server")
        aggregator.client("aggregator").write(self._home / "aggregator")
        private, public = pki.signing_key()
        (self._home / "accounts.key").write_bytes(private)
        (self._home / "accounts.pub").write_bytes(public)
        certificate, key = self._authority.client("admin", (MASTERS,)).write(self._home / "admin")
        self.client = Client.of(self.port, authority, certificate, key)

    def _start_etcd(self) -> None:
        self._etcd_port, peers = free_port(), free_port()
        url, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{peers}"
        self.processes.start(
            "etcd",
            [
                self._paths["etcd"],
                f"--data-dir={self._home / 'etcd'}",
                f"--listen-client-urls={url}",
                f"--advertise-client-urls={url}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                "--unsafe-no-fsync",
            ],
        )

    def _start_api_server(self) -> None:
        home = self._home
        (home / "audit-policy.yaml").write_text(yaml.safe_dump(AUDIT_POLICY))
        self.processes.start(
            "kube-apiserver",
            [
                self._paths["kube-apiserver"],
                f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                f"--secure-port={self.port}",
                "--authorization-mode=RBAC",
                "--endpoint-reconciler-type=none",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--allow-privileged=true",
                f"--client-ca-file={home / 'ca.crt'}",
                f"--tls-cert-file={home / 'server.crt'}",
                f"--tls-private-key-file={home / 'server.key'}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={home / 'accounts.pub'}",
                f"--service-account-signing-key-file={home / 'accounts.key'}",
                f"--requestheader-client-ca-file={home / 'aggregator-ca.crt'}",
                "--requestheader-allowed-names=aggregator",
                "--requestheader-extra-headers-prefix=X-Remote-Extra-",
                "--requestheader-group-headers=X-Remote-Group",
                "--requestheader-username-headers=X-Remote-User",
                f"--proxy-client-cert-file={home / 'aggregator.crt'}",
                f"--proxy-client-key-file={home / 'aggregator.key'}",
                f"--audit-policy-file={home / 'audit-policy.yaml'}",
                f"--audit-log-path={self.audit_log}",
            ],
        )
        self.processes.wait_until("kube-apiserver", lambda: self.client.is_ok("/readyz"))

    def _start_controllers(self) -> None:
        home = self._home
        manager = self.kubeconfig("system:kube-controller-manager")
        self.processes.start(
            "kube-controller-manager",
            [
                self._paths["kube-controller-manager"],
                f"--kubeconfig={manager}",
                "--bind-address=127.0.0.1",
                f"--secure-port={free_port()}",
                "--leader-elect=false",
                "--use-service-account-credentials=false",
                "--horizontal-pod-autoscaler-sync-period=5s",
                "--horizontal-pod-autoscaler-downscale-stabilization=30s",
                f"--root-ca-file={home / 'ca.crt'}",
                f"--service-account-private-key-file={home / 'accounts.key'}",
            ],
        )
        self.processes.start(
            "kube-scheduler",
            [
                self._paths["kube-scheduler"],
                f"--kubeconfig={self.kubeconfig('system:kube-scheduler')}",
                "--bind-address=127.0.0.1",
                f"--secure-port={free_port()}",
                "--leader-elect=false",
            ],
        )
        self.processes.start(
            "kwok",
            [
                self._paths["kwok"],
                f"--kubeconfig={self.kubeconfig('kwok')}",
                f"--config={STAGES}",
                "--manage-all-nodes=true",
                "--cidr=10.244.0.0/16",
                "--node-ip=127.0.0.1",
                "--node-lease-duration-seconds=40",
            ],
        )
        self.client.apply("/api/v1/nodes/kwok-0", NODE)

    def _wait_for_node(self) -> None:
        """The node is ready, and the default namespace has its service account: pods can be made."""

        def is_ready() -> bool:
            node = self.client.find("/api/v1/nodes/kwok-0") or {}
            conditions = node.get("status", {}).get("conditions", ())
            ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
            return ready and self.client.is_ok("/api/v1/namespaces/default/serviceaccounts/default")

        self.processes.wait_until("kwok", is_ready)


def _post(url: str, body: Any) -> Any:
    """Return the answer of etcd's JSON gateway."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
