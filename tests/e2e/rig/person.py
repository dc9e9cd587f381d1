"""What a person does and sees on the real cluster, in one namespace: apply, patch, set an image, read phase and Events."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from canarykit import kinds
from canarykit.dicts import at
from canarykit.model import Ref

from .client import MERGE, Client, wait_for

PERSON = "kubectl"


@frozen
class Person:
    """Somebody with kubectl and an administrator's rights; ``name`` is of the Deployment and the Canary alike."""

    client: Client
    namespace: str
    name: str = "podinfo"

    def apply(self, manifests: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """Server-side apply ``manifests`` and return the server's warnings."""
        warnings: list[str] = []
        for manifest in manifests:
            ref = Ref.of(manifest)
            path = f"{ref.served.path(ref.namespace, ref.name)}?fieldManager={PERSON}"
            answer = self.client.request("PATCH", path, manifest, "application/apply-patch+yaml")
            assert answer.status in (200, 201), answer.body
            warnings += answer.warnings
        return tuple(warnings)

    def path(self, kind: kinds.Kind, name: str = "") -> str:
        """Return the URL path of an object, or of all of a kind."""
        return kind.path(self.namespace, name)

    def find(self, kind: kinds.Kind, name: str) -> dict[str, Any] | None:
        """Return an object, or None."""
        found: dict[str, Any] | None = self.client.find(self.path(kind, name))
        return found

    def get(self, kind: kinds.Kind, name: str) -> dict[str, Any]:
        """Return an object that has to be there."""
        found = self.find(kind, name)
        assert found is not None, f"no {kind.kind} {name} in {self.namespace}"
        return found

    def all(self, kind: kinds.Kind) -> list[dict[str, Any]]:
        """Return all objects of a kind, with kind and apiVersion filled in."""
        items = self.client.call("GET", self.path(kind))["items"]
        return [{"apiVersion": kind.api_version, "kind": kind.kind, **each} for each in items]

    def patch(self, kind: kinds.Kind, name: str, change: Mapping[str, Any]) -> None:
        """Merge-patch an object."""
        self.client.call("PATCH", f"{self.path(kind, name)}?fieldManager={PERSON}", change, MERGE)

    def set_image(self, image: str) -> None:
        """Give the target another image."""
        containers = self.get(kinds.DEPLOYMENT, self.name)["spec"]["template"]["spec"]["containers"]
        changed = [{**containers[0], "image": image}, *containers[1:]]
        self.patch(kinds.DEPLOYMENT, self.name, {"spec": {"template": {"spec": {"containers": changed}}}})

    @property
    def canary(self) -> dict[str, Any]:
        """The Canary."""
        return self.get(kinds.CANARY, self.name)

    @property
    def phase(self) -> str:
        """Its phase."""
        return str(at(self.canary, "status", "phase", default=""))

    def events(self) -> list[str]:
        """Return the messages of the Canary's Events, in the order in which they were posted."""
        items = [each for each in self.all(kinds.EVENT) if each["involvedObject"]["kind"] == "Canary"]
        return [each["message"] for each in sorted(items, key=lambda each: int(each["metadata"]["resourceVersion"]))]

    def until_phase(self, *phases: str, limit_s: float = 120.0) -> str:
        """Wait until the Canary is in one of ``phases`` and return which."""
        wait_for(f"phase {' or '.join(phases)}", lambda: self.phase in phases, limit_s, self.story)
        return self.phase

    def until(self, what: str, is_so: Any, limit_s: float = 30.0) -> None:
        """Wait until ``is_so()`` is true."""
        wait_for(what, is_so, limit_s, self.story)

    def story(self) -> str:
        """Return what happened, for a failing assertion."""
        return "\n".join([f"phase {self.phase}", *self.events()[-25:], str(self.canary.get("status"))])
