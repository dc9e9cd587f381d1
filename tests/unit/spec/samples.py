"""A sound Canary to spoil, and the tutorial's objects."""

import copy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import settings

TUTORIAL = Path(__file__).parents[2] / "samples" / "tutorial.yaml"
ABSENT = object()
# Generated examples are the same in every run, and leave no files behind.
REPEATABLE = settings(derandomize=True, database=None, deadline=None, max_examples=300)


def tutorial() -> dict[str, dict[str, Any]]:
    """Return the tutorial's objects by kind."""
    return {manifest["kind"]: manifest for manifest in yaml.safe_load_all(TUTORIAL.read_text())}


def a_canary(provider: str = "kubernetes", **changes: Any) -> dict[str, Any]:
    """Return the tutorial's Canary with ``spec`` fields changed; ``__`` goes a level down, ABSENT takes a field out."""
    manifest = tutorial()["Canary"]
    manifest["spec"]["provider"] = provider
    if provider.startswith("gatewayapi"):
        manifest["spec"]["service"]["gatewayRefs"] = [{"name": "front", "namespace": "gateways"}]
    for path, value in changes.items():
        *parents, last = path.split("__")
        here = manifest["spec"]
        for key in parents:
            here = here[int(key)] if isinstance(here, list) else here.setdefault(key, {})
        if value is ABSENT:
            here.pop(last, None)
        else:
            here[int(last) if isinstance(here, list) else last] = copy.deepcopy(value)
    return manifest
