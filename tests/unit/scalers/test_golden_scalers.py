"""Golden pairs of scalers (cloning.md section 6): input and output as YAML, GOLDEN=rewrite writes the outputs anew."""

import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from canarykit import scalers
from canarykit.names import primary_of
from canarykit.replicas import check_bounds
from canarykit.scalers import CloneRequest, Identities

FOLDER = Path(__file__).resolve().parents[2] / "golden" / "scalers"
NAMES = sorted(path.name.removesuffix(".in.yaml") for path in FOLDER.glob("*.in.yaml"))


def request_from(given: dict[str, Any], mode: str = "strict") -> CloneRequest:
    canary = given["canary"]
    owner = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", **canary, "controller": True, "blockOwnerDeletion": True}
    return CloneRequest(
        primary_name=primary_of(given["scaler"]),
        primary_workload=primary_of(given["target"]),
        owner=owner,
        identities=Identities(given["target"], given.get("label_value", given["target"]), given.get("service", "")),
        selector_label="app",
        namespace=given["namespace"],
        replicas=given.get("replicas"),
        queries=given.get("queries"),
        query_rewrite=mode,
        api_version=given.get("api_version", ""),
    )


def codes(problems: Any) -> list[str]:
    return sorted(problem.code for problem in problems)


def clone(case: dict[str, Any]) -> dict[str, Any]:
    results = {}
    for mode in case["modes"]:
        result = scalers.clone_for_primary(case["source"], case.get("live"), request_from(case["request"], mode))
        results[mode] = {"manifest": result.manifest, "diagnostics": codes(result.diagnostics)}
    return results


def pausing(case: dict[str, Any]) -> dict[str, Any]:
    return {"results": [getattr(scalers, each["function"])(each["given"]) for each in case["cases"]]}


def plan(case: dict[str, Any]) -> dict[str, Any]:
    scaler = scalers.scaler_for(case["source"]["kind"])
    request, live = request_from(case["request"]), case["live"]
    results = []
    for each in case["cases"]:
        planned = scalers.plan_primary(scaler, each["policy"], each["promoting"], case["source"], live, request)
        results.append(
            {
                "writes": not scaler.same(live, planned.manifest),
                "diagnostics": codes(planned.diagnostics),
                "after": scalers.laid_over(live, planned.manifest),
            }
        )
    return {"results": results}


def bounds(case: dict[str, Any]) -> dict[str, Any]:
    results = []
    for row in case["rows"]:
        fields = {"minReplicaCount": row["min"], "maxReplicaCount": row["max"], "idleReplicaCount": row["idle"]}
        spec = {key: value for key, value in fields.items() if value is not None}
        trigger = {"type": "prometheus", "metadata": {"query": "x"}}
        problems = check_bounds("ScaledObject", {"metadata": {"name": "s"}, "spec": {**spec, "triggers": [trigger]}})
        results.append(
            {
                "errors": codes(problem for problem in problems if problem.severity == "error"),
                "warnings": codes(problem for problem in problems if problem.severity == "warning"),
            }
        )
    return {"results": results}


CALLS = {"clone": clone, "pausing": pausing, "plan": plan, "bounds": bounds}


@pytest.mark.parametrize("name", NAMES)
def test_scalers_are_as_the_golden_files_say(name: str):
    """Every example of cloning.md section 6 about scalers, and that no input is changed by it."""
    case = yaml.safe_load((FOLDER / f"{name}.in.yaml").read_text())
    before = deepcopy(case)
    result = CALLS[case["call"]](case)
    out = FOLDER / f"{name}.out.yaml"
    if os.environ.get("GOLDEN") == "rewrite":
        out.write_text(yaml.safe_dump(result, sort_keys=False, width=140))
    assert result == yaml.safe_load(out.read_text())
    assert case == before


def test_all_examples_of_this_area_are_there():
    """G1 to G5, G9 and G13 each have a pair."""
    assert {name.split("-")[0] for name in NAMES} >= {"g1", "g2", "g3", "g4", "g5", "g9", "g13"}
