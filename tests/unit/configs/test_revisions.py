"""Revisions: what changes the hash, what is kept of one, and which differences are only new defaults."""

from copy import deepcopy

import pytest

from canarykit import revisions
from canarykit.dicts import put
from canarykit.names import names_for
from canarykit.revisions import controller_revision, only_defaults_added, revision_name, revision_of

CANARY = {"metadata": {"name": "podinfo", "namespace": "test", "uid": "c1"}}
NAMES = names_for("test", "podinfo", "podinfo")


def a_template():
    container = {
        "name": "app",
        "image": "app:1",
        "ports": [{"containerPort": 80, "protocol": "TCP"}],
        "args": ["a"],
    }
    return {"metadata": {"labels": {"app": "podinfo"}}, "spec": {"containers": [container], "restartPolicy": "Always"}}


def fields(tree):
    return [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:template": tree}}}]


def in_container(**members):
    template = a_template()
    template["spec"]["containers"][0].update(members)
    return template


def test_revision_is_a_function_of_content():
    assert revision_of(a_template(), {"configmap/x": "1"}) == revision_of(a_template(), {"configmap/x": "1"})
    assert revision_of(a_template(), {}).startswith("ck1-")
    assert len(revision_of(a_template(), {})) == len("ck1-") + 16


def test_absent_null_and_empty_are_one_content():
    template = put(a_template(), ("metadata", "creationTimestamp"), None)
    template = put(template, ("spec", "securityContext"), {})
    template = put(template, ("spec", "volumes"), [])
    assert revision_of(template, {}) == revision_of(a_template(), {})


@pytest.mark.parametrize(
    "changed",
    [
        put(a_template(), ("metadata", "annotations"), {"kubectl.kubernetes.io/restartedAt": "now"}),
        put(a_template(), ("metadata", "labels", "app"), "other"),
        in_container(image="app:2"),
        in_container(env=[{"name": "A", "value": "1"}]),
        in_container(readinessProbe={"httpGet": {"path": "/"}}),
        in_container(args=["b"]),
        put(a_template(), ("spec", "containers"), [*a_template()["spec"]["containers"], {"name": "sidecar"}]),
    ],
)
def test_rollout_restart_env_probe_sidecar_each_are_a_new_revision(changed):
    assert revision_of(changed, {}) != revision_of(a_template(), {})


def test_tracked_configs_are_part_of_the_revision():
    found = [revision_of(a_template(), each) for each in ({}, {"configmap/x": "1"}, {"configmap/x": "2"}, {"secret/x": "1"})]
    assert len(set(found)) == 4


def test_kept_revision_holds_template_and_checksums_and_belongs_to_the_canary():
    revision = revision_of(a_template(), {"secret/x": "1"})
    kept = controller_revision(CANARY, NAMES, revision, a_template(), {"secret/x": "1"}, 4)
    assert kept["metadata"]["name"] == revision_name("podinfo", revision) == f"podinfo-{revision.removeprefix('ck1-')}"
    assert kept["metadata"]["labels"] == {"canarykit.dev/canary": "podinfo"}
    assert kept["metadata"]["ownerReferences"][0]["uid"] == "c1"
    assert kept["data"] == {"template": a_template(), "configs": {"secret/x": "1"}}
    assert (kept["revision"], kept["apiVersion"], kept["kind"]) == (4, "apps/v1", "ControllerRevision")
    assert revisions.template_in(kept) == a_template()


def test_adopted_template_of_a_primary_is_marked_so():
    kept = controller_revision(CANARY, NAMES, "ck1-1", a_template(), {}, 1, revisions.FORM_PRIMARY)
    assert kept["data"]["form"] == "primary"


def test_label_of_a_long_name_fits_and_stays_distinct():
    one, other = "a" * 70 + "1", "a" * 70 + "2"
    assert revisions.canary_label("a" * 63) == "a" * 63
    assert len(revisions.canary_label(one)) == 63
    assert revisions.canary_label(one) != revisions.canary_label(other)


def test_added_fields_that_nobody_owns_are_defaults():
    written = fields({"f:spec": {"f:containers": {'k:{"name":"app"}': {".": {}, "f:image": {}, "f:name": {}}}}})
    for observed in (
        in_container(terminationMessagePath="/dev/termination-log"),
        put(a_template(), ("spec", "dnsPolicy"), "ClusterFirst"),
        a_template(),
    ):
        assert only_defaults_added(a_template(), observed, written)


@pytest.mark.parametrize(
    ("observed", "tree"),
    [
        (in_container(tty=True), {"f:spec": {"f:containers": {'k:{"name":"app"}': {"f:tty": {}}}}}),
        (put(a_template(), ("spec", "hostNetwork"), True), {"f:spec": {"f:hostNetwork": {}}}),
        (
            put(a_template(), ("metadata", "annotations"), {"restartedAt": "1"}),
            {"f:metadata": {"f:annotations": {".": {}, "f:restartedAt": {}}}},
        ),
        (in_container(tty=True), {"f:spec": {"f:containers": {}}}),
    ],
    ids=["in a list element", "in a map", "a whole map", "below an owned list"],
)
def test_added_field_that_somebody_owns_is_a_new_revision(observed, tree):
    assert not only_defaults_added(a_template(), observed, fields(tree))


def test_ownership_of_another_list_element_does_not_count():
    other = fields({"f:spec": {"f:containers": {'k:{"name":"sidecar"}': {"f:tty": {}}}}})
    assert only_defaults_added(a_template(), in_container(tty=True), other)


@pytest.mark.parametrize(
    "observed",
    [
        in_container(image="app:2"),
        in_container(args=["a", "b"]),
        put(a_template(), ("spec", "containers"), []),
        put(a_template(), ("spec", "containers"), [*a_template()["spec"]["containers"], {"name": "sidecar"}]),
        {"metadata": a_template()["metadata"], "spec": {"containers": a_template()["spec"]["containers"]}},
    ],
    ids=["changed", "longer list", "no containers", "sidecar", "removed field"],
)
def test_anything_else_than_added_fields_is_a_new_revision(observed):
    assert not only_defaults_added(a_template(), observed, fields({"f:spec": {"f:restartPolicy": {}}}))


def test_without_managed_fields_nothing_is_adopted_silently():
    observed = in_container(terminationMessagePath="/dev/termination-log")
    assert not only_defaults_added(a_template(), observed, [])
    assert not only_defaults_added(a_template(), observed, None)


def test_inputs_are_not_changed():
    template, configs = a_template(), {"b": "2", "a": "1"}
    before = deepcopy((template, configs))
    revision_of(template, configs)
    controller_revision(CANARY, NAMES, "ck1-1", template, configs, 1)
    only_defaults_added(template, in_container(tty=True), fields({}))
    assert (template, configs) == before
