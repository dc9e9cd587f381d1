"""The embedded cluster as one thing: store, API server, the world that drives it, and the services around it.

Good enough for real `kubectl` and for our controller, so that the demo, tests and users' own tests need no cluster.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import yaml

from canary_controller.clock import Clock
from canary_controller.sandbox.api import Api
from canary_controller.sandbox.crds import third_party_crds
from canary_controller.sandbox.drive import World
from canary_controller.sandbox.outside import Outside
from canary_controller.sandbox.store import Store
from canarykit.kinds import BY_KIND
from canarykit.model import Ref
from canarykit.spec.crd import crds
from canarykit.world.behaviour import Behaviour

APPLY = "application/apply-patch+yaml"
JSON = "application/json"
SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public")


class Refused(Exception):
    """The API server refused a request that this module made for a person or a test."""


class Cluster:
    """An embedded cluster. `start` needs a running event loop; time comes from ``clock``."""

    def __init__(self, clock: Clock, behaviour: Behaviour | None = None) -> None:
        self.clock = clock
        self.store = Store(clock.now)
        self.api = Api(self.store)
        self.world = World(self.store, self.api, clock, behaviour or Behaviour())
        self.outside = Outside(self.world)

    async def start(self) -> None:
        """Install namespaces and CRDs and let the world run."""
        for name in SYSTEM_NAMESPACES:
            await self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for crd in (*crds(), *third_party_crds()):
            await self.apply(crd)
        self.world.start()

    async def stop(self) -> None:
        """Stop the world."""
        await self.world.stop()

    def get(self, kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        """Return an object by kind name, namespace and name, as stored."""
        found = [served for (_, known), served in BY_KIND.items() if known == kind]
        return self.store.view().get(Ref.to(found[0], namespace, name)) if found else None

    def all(self, kind: str, namespace: str) -> list[Mapping[str, Any]]:
        """Return all objects of a kind in a namespace, oldest resourceVersion last."""
        found = [each for ref, each in self.store.view().items() if ref.kind == kind and ref.namespace == namespace]
        return sorted(found, key=lambda each: int(each["metadata"]["resourceVersion"]))

    async def call(
        self, method: str, path: str, body: Any = None, content_type: str = JSON, agent: str = "user"
    ) -> dict[str, Any]:
        """Make one request as a person would and return the object; raises Refused with the server's message."""
        headers = {"content-type": content_type, "user-agent": agent, "accept": JSON}
        reply = await self.api.send(method, path, headers, orjson.dumps(body) if body is not None else b"")
        text = b"".join([chunk async for chunk in reply.chunks])
        answer: dict[str, Any] = orjson.loads(text) if text else {}
        if reply.status >= 300:
            raise Refused(f"{method} {path}: {reply.status} {answer.get('message', '')}")
        return answer

    async def apply(self, manifest: Mapping[str, Any], agent: str = "user") -> dict[str, Any]:
        """Server-side apply ``manifest`` as ``agent``."""
        ref = Ref.of(manifest)
        path = ref.served.path(ref.namespace, ref.name) + f"?fieldManager={agent}&force=true"
        return await self.call("PATCH", path, manifest, APPLY, agent)

    async def apply_all(self, documents: str | Iterable[Mapping[str, Any]], agent: str = "user") -> None:
        """Apply every document of a YAML text (or every manifest), in order."""
        manifests = [each for each in yaml.safe_load_all(documents) if each] if isinstance(documents, str) else documents
        for manifest in manifests:
            await self.apply(manifest, agent)

    async def patch(self, ref: Ref, body: Mapping[str, Any], subresource: str = "", agent: str = "user") -> dict[str, Any]:
        """Merge-patch an object as a person would."""
        path = ref.served.path(ref.namespace, ref.name) + (f"/{subresource}" if subresource else "")
        return await self.call("PATCH", path, body, "application/merge-patch+json", agent)

    async def delete(self, ref: Ref, propagation: str = "Background") -> dict[str, Any]:
        """Delete an object as a person would."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        return await self.call("DELETE", ref.served.path(ref.namespace, ref.name), options)
