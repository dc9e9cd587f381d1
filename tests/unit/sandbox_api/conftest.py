"""A fresh embedded API server for every test of this folder."""

import pytest

from unit.sandbox_api.client import Client


@pytest.fixture
def client() -> Client:
    return Client()
