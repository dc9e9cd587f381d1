"""Binaries of the real control plane: found in KUBEBUILDER_ASSETS, else in a cache, else built once from their Go modules.

A folder under ``modules/`` pins one tool: its go.mod and go.sum are all that is needed, there is no Go source of ours.
The cache is keyed by those two files and the link flags, so a changed pin builds anew and an old checkout finds its own again.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

MODULES = Path(__file__).parent / "modules"
KUBERNETES = "v1.37.2"
GO_NEEDED = (1, 26)
SAY_EVERY_S = 30.0
BUILD_LIMIT_S = 45 * 60.0


class MissingTool(Exception):
    """A binary can neither be found nor built here; the text says why and what would help."""


@frozen
class Tool:
    """One binary.

    Attributes:
        name: of the binary, as KUBEBUILDER_ASSETS has it.
        module: folder under ``modules/``.
        package: Go import path of its main package.
        cold: how long a build from an empty cache takes on two cores, in words.
        defines: variables that the linker sets, so that the binary knows its version.
        manifests: (Go module, folder in it) of YAML files to keep beside the binary, in a folder ``crds``.
    """

    name: str
    module: str
    package: str
    cold: str
    defines: tuple[tuple[str, str], ...] = ()
    manifests: tuple[str, str] | None = None


def _versions(*packages: str) -> tuple[tuple[str, str], ...]:
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    values = (("gitVersion", KUBERNETES), ("gitMajor", major), ("gitMinor", minor), ("gitTreeState", "clean"))
    return tuple((f"{package}.{name}", value) for package in packages for name, value in values)


_KEDA = "github.com/kedacore/keda/v2"
_KUBE = _versions("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
TOOLS = {
    tool.name: tool
    for tool in (
        Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3", "1 minute"),
        Tool("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", "5 minutes", _KUBE),
        Tool("kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", "2 minutes", _KUBE),
        Tool("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", "15 seconds", _KUBE),
        Tool("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", "90 seconds"),
        Tool("keda-operator", "keda", f"{_KEDA}/cmd/operator", "6 minutes", manifests=(_KEDA, "config/crd/bases")),
        Tool("keda-adapter", "keda", f"{_KEDA}/cmd/adapter", "2 minutes"),
    )
}


def cache_root() -> Path:
    """Return the folder that built binaries live in: ``$XDG_CACHE_HOME`` or ``~/.cache``, then ``canarykit/rig``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "canarykit" / "rig"


def find(name: str) -> Path | None:
    """Return an existing binary: from KUBEBUILDER_ASSETS if that has it, else from the cache; None when it has to be built."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    places = [Path(assets) / name] if assets else []
    places.append(_cached(TOOLS[name]))
    return next((place for place in places if place.is_file() and os.access(place, os.X_OK)), None)


def why_not(names: Iterable[str] = tuple(TOOLS)) -> str:
    """Return why some of ``names`` can be neither found nor built here; "" when all can."""
    lacking = [name for name in names if find(name) is None]
    if not lacking:
        return ""
    needed = ".".join(str(part) for part in GO_NEEDED)
    advice = f"install Go {needed} or newer, or set KUBEBUILDER_ASSETS to a folder that has {', '.join(lacking)}"
    go = shutil.which("go")
    if go is None:
        return f"there is no Go here: {advice}"
    told = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.match(r"go(\d+)\.(\d+)", told.strip())
    if found is None or tuple(int(part) for part in found.groups()) < GO_NEEDED:
        return f"Go here is {told.strip() or 'of no known version'}: {advice}"
    return ""


def ensure(names: Iterable[str] = tuple(TOOLS), say: Callable[[str], None] | None = None) -> dict[str, Path]:
    """Return the path of every named binary, building those that are missing, one after the other.

    Args:
        names: keys of TOOLS.
        say: told what is going on, a line at a time; None prints to stderr.

    Raises:
        MissingTool: there is no Go to build with, or a build failed (with its last lines).
    """
    say = say or _print
    names = tuple(names)
    problem = why_not(names)
    if problem:
        raise MissingTool(problem)
    return {name: find(name) or _build(TOOLS[name], say) for name in names}


def _print(text: str) -> None:
    print(f"rig: {text}", file=sys.stderr, flush=True)


def _link_flags(tool: Tool) -> str:
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in tool.defines)])


def _cached(tool: Tool) -> Path:
    digest = hashlib.sha256(_link_flags(tool).encode())
    for name in ("go.mod", "go.sum"):
        digest.update((MODULES / tool.module / name).read_bytes())
    return cache_root() / f"{tool.module}-{digest.hexdigest()[:16]}" / tool.name


def _build(tool: Tool, say: Callable[[str], None]) -> Path:
    wanted = _cached(tool)
    wanted.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(cache_root() / "build.lock", say):
        if wanted.exists():
            return wanted
        say(f"building {tool.name} (from an empty cache about {tool.cold} on two cores; once)")
        part = wanted.with_suffix(".part")
        began = time.monotonic()
        _run_go(tool, part, say)
        _keep_manifests(tool, wanted.parent / "crds")
        part.replace(wanted)
        say(f"built {tool.name} in {time.monotonic() - began:.0f} s: {wanted.stat().st_size >> 20} MiB")
        return wanted


def _run_go(tool: Tool, part: Path, say: Callable[[str], None]) -> None:
    """Run ``go build``, at low priority and two at a time, saying every half minute that it goes on."""
    nice = ["nice", "-n", "19"] if shutil.which("nice") else []
    command = [*nice, "go", "build", "-p", "2", "-trimpath", "-buildvcs=false", f"-ldflags={_link_flags(tool)}"]
    environment = {**os.environ, "GOWORK": "off", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    began, done = time.monotonic(), threading.Event()

    def go_on() -> None:
        while not done.wait(SAY_EVERY_S):
            say(f"still building {tool.name}, {time.monotonic() - began:.0f} s so far")

    talker = threading.Thread(target=go_on, daemon=True)
    talker.start()
    try:
        ran = subprocess.run(
            [*command, "-o", str(part), tool.package],
            cwd=MODULES / tool.module,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BUILD_LIMIT_S,
            check=False,
        )
    finally:
        done.set()
        talker.join()
    if ran.returncode:
        raise MissingTool(f"{' '.join(command[-6:])} {tool.package} failed:\n" + "\n".join(ran.stderr.splitlines()[-20:]))


def _keep_manifests(tool: Tool, folder: Path) -> None:
    """Copy a tool's YAML files out of the module cache, which may be cleaned while the binaries stay."""
    if tool.manifests is None:
        return
    module, inside = tool.manifests
    command = ["go", "list", "-m", "-f", "{{.Dir}}", module]
    found = subprocess.run(command, cwd=MODULES / tool.module, capture_output=True, text=True, timeout=300, check=True)
    folder.mkdir(exist_ok=True)
    for path in (Path(found.stdout.strip()) / inside).glob("*.yaml"):
        (folder / path.name).write_bytes(path.read_bytes())


@contextmanager
def _only_one(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock file, so that two runs on one machine build one after the other."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is building; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
