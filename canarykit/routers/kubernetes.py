"""Provider ``kubernetes``: no routing object. Requests follow the apex Service, whole, and that is not this room's business.

Source: routers.md section 3.15.
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from canarykit.dicts import Manifest
from canarykit.kinds import Kind
from canarykit.model import NotYet, Ref, Split
from canarykit.names import Names
from canarykit.spec import Canary


@frozen
class Kubernetes:
    """Router that routes nothing: ``routed`` is False, and the split is read from the apex Service by the snapshot."""

    name: str = "kubernetes"
    routed: bool = False
    kinds: tuple[Kind, ...] = ()
    capabilities: frozenset[str] = frozenset()

    def refs(self, canary: Canary, names: Names) -> tuple[Ref, ...]:
        """Return no references."""
        return ()

    def desired(self, canary: Canary, names: Names, split: Split) -> tuple[dict[str, Any], ...]:
        """Return no manifests."""
        return ()

    def written(self, canary: Canary, names: Names, objects: Mapping[Ref, Manifest]) -> Split | None:
        """Return None: there never is a route."""
        return None

    def observed(self, canary: Canary, names: Names, objects: Mapping[Ref, Manifest]) -> Split | NotYet | None:
        """Return None: there never is a route."""
        return None

    def same(self, observed: Manifest, wanted: Manifest) -> bool:
        """Return True: nothing is ever written."""
        return True
