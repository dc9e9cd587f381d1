"""Bodies that make no sense: every one gets an answer, and nothing that is stored breaks a later reader."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from unit.sandbox_api.client import (
    APPLY,
    CONFIG_MAPS,
    CRDS,
    DEPLOYMENTS,
    MERGE,
    TABLE,
    WIDGETS,
    Client,
    a_config_map,
    a_crd,
    a_deployment,
    a_widget,
)

JUNK: tuple[Any, ...] = (None, -1, "x", [1], {"a": 1}, True)
SAMPLES = {
    "config map": (CONFIG_MAPS, a_config_map(labels={"a": "b"})),
    "deployment": (DEPLOYMENTS, a_deployment()),
    "custom resource": (WIDGETS, a_widget()),
    "crd": (CRDS, a_crd()),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in inner:
        yield from places(member, (*path, key))


def spoiled(value: dict[str, Any], path: tuple[Any, ...], junk: Any) -> dict[str, Any]:
    result = copy.deepcopy(value)
    here: Any = result
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = junk
    return result


@pytest.mark.parametrize("sample", SAMPLES)
async def test_every_spoiled_body_is_answered(sample: str):
    collection, good = SAMPLES[sample]
    one = f"{collection}/{good['metadata']['name']}"
    for path in places(good):
        for junk in JUNK:
            bad = spoiled(good, path, junk)
            for method, where, kind in (
                ("POST", collection, "application/json"),
                ("PUT", one, "application/json"),
                ("PATCH", one, MERGE),
                ("PATCH", f"{one}?fieldManager=ck&force=true", APPLY),
            ):
                client = Client()
                if collection == WIDGETS:
                    await client.create(CRDS, a_crd())
                if method != "POST":
                    await client.create(collection, good)
                answer = await client.call(method, where, bad, content_type=kind)
                assert answer.status < 300 or answer.body["kind"] == "Status", (method, path, junk)
                if answer.status < 300:
                    assert (await client.call("GET", collection, accept=TABLE)).status == 200, (method, path, junk)


async def test_null_in_a_crd_means_absent(client: Client):
    crd = a_crd(additionalPrinterColumns=None, selectableFields=None, deprecationWarning=None)
    crd["spec"]["names"]["categories"] = None
    await client.create(CRDS, crd)
    await client.create(WIDGETS, a_widget())
    table = await client.get(WIDGETS, accept=TABLE)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Age"]


async def test_a_crd_with_fields_of_wrong_types_is_refused_by_path(client: Client):
    crd = a_crd()
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["size"] = 3
    answer = await client.call("POST", CRDS, crd)
    assert answer.status == 422
    [cause] = answer.body["details"]["causes"]
    assert cause["field"] == "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[size]"
    answer = await client.call("POST", CRDS, spoiled(a_crd(), ("spec", "names", "shortNames"), "wd"))
    assert (answer.status, answer.body["details"]["causes"][0]["field"]) == (422, "spec.names.shortNames")
