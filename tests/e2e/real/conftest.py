"""Fixtures of the tests on the real control plane."""

from e2e.rig.fixture import real_cluster as real_cluster
