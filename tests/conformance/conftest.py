"""Fixtures of the battery: the real API server, where it is asked for."""

from e2e.rig.fixture import real_api_server as real_api_server
