"""Pytest fixtures of the rig. Tests on it carry ``@pytest.mark.real`` and are skipped unless CANARYKIT_REAL=1 asks for them."""

import os
from collections.abc import Iterable, Iterator

import pytest

from . import binaries
from .cluster import RealCluster, needed

SWITCH = "CANARYKIT_REAL"


def skip_unless_asked(names: Iterable[str]) -> None:
    """Skip the test that runs, with the reason, unless the real control plane was asked for and can be had."""
    if os.environ.get(SWITCH) != "1":
        pytest.skip(f"needs the real control plane: make real, or {SWITCH}=1")
    problem = binaries.why_not(names)
    if problem:
        pytest.skip(f"no real control plane here: {problem}")


@pytest.fixture(scope="session")
def real_cluster() -> Iterator[RealCluster]:
    """A whole cluster with KEDA, shared by the tests of a run: each works in namespaces of its own."""
    skip_unless_asked(needed())
    with RealCluster(say=print) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def real_api_server() -> Iterator[RealCluster]:
    """An API server and its etcd alone: nobody but the tests writes."""
    skip_unless_asked(needed(with_keda=False, with_controllers=False))
    with RealCluster(with_keda=False, with_controllers=False, say=print) as cluster:
        yield cluster
