"""A small client for the in-memory API server, and samples of objects, for the tests in this folder."""

from typing import Any

import orjson
from attrs import define, field, frozen

from canary_controller.sandbox.api import Api, Reply
from canary_controller.sandbox.store import Store

START = 1_700_000_000.0
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.dev/v1/namespaces/default/widgets"


@frozen
class Answer:
    """A whole answer; ``body`` is decoded, or text where it is no JSON."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def message(self) -> str:
        return str(self.body["message"])


@define
class Client:
    """Calls an Api; ``now`` can be set to move its clock."""

    now: float = START
    store: Store = field(init=False)
    api: Api = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.store = Store(lambda: self.now, history=500)
        self.api = Api(self.store)

    async def reply(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        sent = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        named = {"user-agent": "tester/1.0", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await self.api.send(method, path, named, sent)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        reply = await self.reply(method, path, body, **headers)
        text = await reply.body()
        is_json = reply.headers["Content-Type"].startswith("application/json")
        return Answer(reply.status, orjson.loads(text) if is_json and text else text.decode(), dict(reply.headers))

    async def get(self, path: str, **headers: str) -> Any:
        answer = await self.call("GET", path, **headers)
        assert answer.status == 200, answer.body
        return answer.body

    async def create(self, path: str, manifest: dict[str, Any]) -> Any:
        answer = await self.call("POST", path, manifest)
        assert answer.status == 201, answer.body
        return answer.body

    async def patch(self, path: str, change: Any, content_type: str = MERGE, **headers: str) -> Answer:
        return await self.call("PATCH", path, change, content_type=content_type, **headers)

    async def watch(self, path: str, **headers: str) -> "Events":
        reply = await self.reply("GET", path, **headers)
        assert reply.status == 200
        return Events(reply)


@frozen
class Events:
    """The events of a watch, decoded."""

    reply: Reply

    async def next(self) -> tuple[str, Any]:
        event = orjson.loads(await anext(self.reply.chunks))
        return event["type"], event["object"]

    async def take(self, count: int) -> list[tuple[str, str]]:
        """Return the next events as (type, name)."""
        found = []
        for _ in range(count):
            kind, manifest = await self.next()
            found.append((kind, manifest["metadata"].get("name", "")))
        return found

    async def rest(self) -> list[tuple[str, Any]]:
        """Return everything until the end of the watch."""
        return [(event["type"], event["object"]) async for chunk in self.reply.chunks for event in [orjson.loads(chunk)]]

    async def close(self) -> None:
        await self.reply.chunks.aclose()  # type: ignore[attr-defined]


def a_config_map(name: str = "settings", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": {"colour": "blue"}}


def a_deployment(name: str = "podinfo", replicas: int = 2, image: str = "podinfo:6.0.0") -> dict[str, Any]:
    labels = {"app": name}
    containers = [{"name": "podinfod", "image": image}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def a_crd(**version: Any) -> dict[str, Any]:
    """A CRD for Widgets: a required size, a default colour, status, scale and a filtered printer column."""
    spec = {
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": {"type": "integer", "minimum": 1},
            "colour": {"type": "string", "default": "grey"},
        },
    }
    conditions = {
        "type": "array",
        "items": {"type": "object", "properties": {"type": {"type": "string"}, "status": {"type": "string"}}},
    }
    status = {
        "type": "object",
        "properties": {"size": {"type": "integer"}, "selector": {"type": "string"}, "conditions": conditions},
    }
    served = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.size",
                "statusReplicasPath": ".status.size",
                "labelSelectorPath": ".status.selector",
            },
        },
        "additionalPrinterColumns": [
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
            {"name": "Colour", "type": "string", "jsonPath": ".spec.colour", "priority": 1},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
        **version,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.dev"},
        "spec": {
            "group": "example.dev",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [served],
        },
    }


def a_widget(name: str = "gear", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.dev/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"size": 3, **spec}}


def managers(manifest: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return (manager, operation, subresource) of every entry of managedFields."""
    return [
        (entry["manager"], entry["operation"], entry.get("subresource", "")) for entry in manifest["metadata"]["managedFields"]
    ]
