"""ConfigMaps and Secrets as the controller handles them: their data is read when their version moves, and never kept."""

from collections.abc import Mapping
from typing import Any

from canarykit import configs
from canarykit.kinds import CONFIG_MAP, SECRET
from canarykit.model import Ref

KINDS = frozenset({CONFIG_MAP.kind, SECRET.kind})


def is_config(ref: Ref) -> bool:
    """Tell whether ``ref`` names a ConfigMap or Secret."""
    return ref.group == "" and ref.kind in KINDS


def without_data(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with the checksum of its content in place of the content."""
    kept = {key: config[key] for key in ("apiVersion", "kind", "metadata", "type", "immutable") if key in config}
    return {**kept, "checksum": configs.checksum_of(config)}


def copied_config(
    source: Mapping[str, Any],
    checksum: str,
    name: str,
    canary: Mapping[str, Any],
    live: Mapping[str, Any] | None,
    prefixes: tuple[str, ...],
) -> dict[str, Any] | None:
    """Return the manifest of the copy called ``name``, or None when the source's content is not that of ``checksum``."""
    if configs.checksum_of(source) != checksum:
        return None
    return configs.clone_config(source, canary, live, prefixes, name)
