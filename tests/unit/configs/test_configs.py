"""Tracked ConfigMaps and Secrets: references, checksums, copies (example G8), renaming; defects C1 to C9."""

import hashlib
from copy import deepcopy

import pytest

from canarykit import configs
from canarykit.configs import ConfigRef, checksum, checksum_of, clone_config, config_refs, configs_changed, resolve
from canarykit.errors import SpecError, Unavailable
from canarykit.kinds import CONFIG_MAP, SECRET
from canarykit.model import Ref

CANARY = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"name": "inbox", "namespace": "mail", "uid": "u6"}}
OWNER = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "name": "inbox",
    "uid": "u6",
    "controller": True,
    "blockOwnerDeletion": True,
}
OUTBOX = {**OWNER, "name": "outbox", "uid": "o1"}
GREEN, BLUE = "56efb46efbdf77a7", "07209585d9ae1f76"


def a_source(**more):
    metadata = {
        "name": "inbox-env",
        "namespace": "mail",
        "labels": {"app.kubernetes.io/part-of": "suite", "x": "y"},
        "annotations": {"a": "b"},
    }
    data = {"data": {"mode": "green"}, "binaryData": {"blob": "QQ=="}, "immutable": True}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **data, **more}


def a_copy(**more):
    owners = [OUTBOX, {**OWNER, "uid": "OLD", "controller": False}]
    metadata = {"name": "inbox-env-primary", "annotations": {"hand": "made"}, "ownerReferences": owners}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mode": "blue"}, **more}


def a_secret(type_="Opaque", **more):
    return {"kind": "Secret", "metadata": {"name": "db", "namespace": "mail"}, "type": type_, "data": {"k": "dg=="}, **more}


def world(*manifests):
    kinds = {"ConfigMap": CONFIG_MAP, "Secret": SECRET}
    return {Ref.to(kinds[each["kind"]], "mail", each["metadata"]["name"]): each for each in manifests}


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (None, "74234e98afe7498f"),
        ({}, "44136fa355b3678a"),
        ({"mode": "blue"}, BLUE),
        ({"mode": "green"}, GREEN),
        ({"banner": "<b>A&B</b>"}, "0ab56976e73b72a0"),
        ({"dsn": "cG9zdGdyZXM6Ly94"}, "d52544c7baab8568"),
    ],
)
def test_checksum_is_that_of_flagger(data, wanted):
    assert checksum(data) == wanted


@pytest.mark.parametrize(
    ("data", "encoded"),
    [
        ({"b": "1", "a": "2"}, '{"a":"2","b":"1"}'),
        ({"a": "é"}, '{"a":"é"}'),
        ({"a": "<&>\u2028\u2029"}, r'{"a":"\u003c\u0026\u003e\u2028\u2029"}'),
    ],
    ids=["sorted keys", "non-ASCII kept", "escapes"],
)
def test_checksum_is_over_the_bytes_that_go_writes(data, encoded):
    assert checksum(data) == hashlib.sha256(encoded.encode()).hexdigest()[:16]


def test_c1_binary_data_counts_and_leaves_checksums_without_it_alone():
    assert checksum_of({"data": {"mode": "green"}}) == GREEN
    assert checksum_of({"data": {"mode": "green"}, "binaryData": {}}) == GREEN
    with_blob = checksum_of({"data": {"mode": "green"}, "binaryData": {"blob": "QQ=="}})
    assert with_blob not in (GREEN, checksum_of({"data": {"mode": "green"}, "binaryData": {"blob": "Qg=="}}))


def test_cached_object_without_data_brings_its_checksum():
    assert checksum_of({"metadata": {"name": "x"}, "checksum": GREEN}) == GREEN


POD_SPEC = {
    "volumes": [
        {"name": "a", "configMap": {"name": "volume-cm"}},
        {"name": "b", "secret": {"secretName": "volume-secret", "optional": True}},
        {
            "name": "c",
            "projected": {"sources": [{"configMap": {"name": "projected-cm"}}, {"secret": {"name": "projected-s"}}, {}]},
        },
        {"name": "d", "emptyDir": {}},
        {"name": "e", "csi": {"nodePublishSecretRef": {"name": "not-followed"}}},
    ],
    "imagePullSecrets": [{"name": "not-followed"}],
    "containers": [
        {
            "name": "app",
            "env": [
                {"name": "A", "value": "volume-cm"},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "env-cm", "key": "k", "optional": True}}},
                {"name": "C", "valueFrom": {"secretKeyRef": {"name": "env-s", "key": "k"}}},
                {"name": "D", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            "envFrom": [
                {"configMapRef": {"name": "from-cm"}},
                {"secretRef": {"name": "from-s", "optional": True}, "prefix": "P_"},
            ],
        }
    ],
    "initContainers": [{"name": "init", "envFrom": [{"configMapRef": {"name": "init-cm"}}]}],
    "ephemeralContainers": [{"name": "debug", "envFrom": [{"configMapRef": {"name": "not-followed"}}]}],
}
FOUND = {
    "configmap/volume-cm": False,
    "secret/volume-secret": True,
    "configmap/projected-cm": False,
    "secret/projected-s": False,
    "configmap/env-cm": True,
    "secret/env-s": False,
    "configmap/from-cm": False,
    "secret/from-s": True,
    "configmap/init-cm": False,
}


def test_references_are_found_in_all_places_and_in_no_others():
    assert {ref.key: ref.optional for ref in config_refs(POD_SPEC)} == FOUND
    assert config_refs({}) == ()


def test_c3_mandatory_anywhere_is_mandatory():
    def env(optional):
        return {"name": "V", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "k", "optional": optional}}}

    for order in ([env(False), env(True)], [env(True), env(False)]):
        assert config_refs({"containers": [{"name": "app", "env": order}]}) == (ConfigRef("configmap", "x", False),)
    assert config_refs({"containers": [{"name": "app", "env": [env(True), env(True)]}]}) == (ConfigRef("configmap", "x", True),)


def test_renaming_touches_exactly_the_places_of_the_references():
    before = deepcopy(POD_SPEC)
    renamed = configs.rewrite_config_names(POD_SPEC, FOUND.keys())
    assert before == POD_SPEC
    assert {ref.key for ref in config_refs(renamed)} == {f"{key}-primary" for key in FOUND}
    assert renamed["containers"][0]["env"][0] == {"name": "A", "value": "volume-cm"}
    assert renamed["containers"][0]["envFrom"][1] == {"secretRef": {"name": "from-s-primary", "optional": True}, "prefix": "P_"}
    assert renamed["volumes"][4] == POD_SPEC["volumes"][4]
    assert renamed["imagePullSecrets"] == POD_SPEC["imagePullSecrets"]


def test_renaming_leaves_untracked_configs_shared():
    renamed = configs.rewrite_config_names(POD_SPEC, {"configmap/env-cm"})
    assert {ref.key for ref in config_refs(renamed)} == {*FOUND} - {"configmap/env-cm"} | {"configmap/env-cm-primary"}
    assert configs.rewrite_config_names(POD_SPEC, ()) == POD_SPEC


def test_entry_with_both_kinds_counts_as_the_config_map():
    both = {"configMapRef": {"name": "cm"}, "secretRef": {"name": "s"}}
    assert [ref.key for ref in config_refs({"containers": [{"name": "a", "envFrom": [both]}]})] == ["configmap/cm"]


def test_tracked_configs_resolve_to_checksums():
    refs = (ConfigRef("configmap", "inbox-env"), ConfigRef("secret", "db"))
    resolved = resolve(refs, world(a_source(binaryData=None), a_secret()), "mail")
    assert resolved.tracked == {"configmap/inbox-env": GREEN, "secret/db": checksum({"k": "dg=="})}
    assert resolved.problems == ()


def test_missing_mandatory_config_is_a_problem_and_missing_optional_is_none():
    resolved = resolve((ConfigRef("configmap", "gone"), ConfigRef("secret", "extra", True)), {}, "mail")
    assert resolved.tracked == {}
    assert [problem.value for problem in resolved.problems] == ["gone"]
    assert "configmap/gone" in str(resolved.problems[0])


def test_c4_unknown_is_not_absent():
    """An optional config that could not be read stops the comparison instead of looking like a removed one."""
    config = ConfigRef("configmap", "extra", True)
    with pytest.raises(Unavailable, match="configmap/extra"):
        resolve((config,), {}, "mail", unknown={config.ref("mail")})


@pytest.mark.parametrize(
    ("choice", "followed"), [("disabled", False), ("disable-it", False), ("enabled", True), ("false", True), ("off", True)]
)
def test_c9_only_values_that_start_with_disable_opt_out(choice, followed):
    source = a_source()
    source["metadata"]["annotations"] = {"flagger.app/config-tracking": choice}
    tracked = resolve((ConfigRef("configmap", "inbox-env"),), world(source), "mail").tracked
    assert bool(tracked) is followed


@pytest.mark.parametrize(
    ("type_", "followed"),
    [
        ("Opaque", True),
        ("", True),
        ("kubernetes.io/basic-auth", True),
        ("kubernetes.io/ssh-auth", True),
        ("kubernetes.io/tls", True),
        ("kubernetes.io/dockerconfigjson", False),
        ("kubernetes.io/service-account-token", False),
        ("example.com/own", False),
    ],
)
def test_only_secrets_that_people_write_are_followed(type_, followed):
    assert bool(resolve((ConfigRef("secret", "db"),), world(a_secret(type_)), "mail").tracked) is followed


def test_copy_is_made_as_example_g8_says():
    source, live = a_source(), a_copy()
    before = deepcopy((source, live))
    copy = clone_config(source, CANARY, live, ("app.kubernetes.io",))
    assert copy == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "inbox-env-primary",
            "namespace": "mail",
            "labels": {"app.kubernetes.io/part-of": "suite"},
            "ownerReferences": [OWNER, {**OUTBOX, "controller": False}],
        },
        "data": {"mode": "green"},
        "binaryData": {"blob": "QQ=="},
    }
    assert (source, live) == before


def test_copy_of_a_secret_keeps_its_type():
    copy = clone_config(a_secret("kubernetes.io/tls"), CANARY, None, ())
    assert (copy["metadata"]["name"], copy["type"], copy["data"]) == ("db-primary", "kubernetes.io/tls", {"k": "dg=="})
    assert copy["metadata"]["ownerReferences"] == [OWNER]


def test_c6_copy_does_not_overwrite_somebody_elses_object():
    live = a_copy()
    live["metadata"]["ownerReferences"] = []
    with pytest.raises(SpecError, match=r"ConfigMap/inbox-env-primary.*does not belong to a Canary"):
        clone_config(a_source(), CANARY, live, ())


def test_c7_changed_secret_type_says_what_to_do():
    live = {**a_secret("Opaque"), "metadata": {"name": "db-primary", "ownerReferences": [OWNER]}}
    with pytest.raises(SpecError, match=r"Secret/db-primary has another type.*Delete it"):
        clone_config(a_secret("kubernetes.io/tls"), CANARY, live, ())


def test_immutable_copy_with_other_data_says_what_to_do():
    with pytest.raises(SpecError, match="immutable"):
        clone_config(a_source(), CANARY, a_copy(immutable=True), ())
    same = clone_config(a_source(binaryData=None), CANARY, a_copy(immutable=True, data={"mode": "green"}), ())
    assert same["data"] == {"mode": "green"}


def test_w19_earlier_content_is_kept_under_its_checksum_and_brought_back():
    live = a_copy()
    live["metadata"]["namespace"] = "mail"
    earlier = clone_config(live, CANARY, None, (), name=configs.copy_name("inbox-env", checksum_of(live)))
    assert earlier["metadata"]["name"] == f"inbox-env-primary-{BLUE}"
    assert earlier["data"] == {"mode": "blue"}
    back = clone_config(earlier, CANARY, live, (), name="inbox-env-primary")
    assert (back["metadata"]["name"], back["data"]) == ("inbox-env-primary", {"mode": "blue"})


@pytest.mark.parametrize(
    ("current", "stored", "changed"),
    [
        ({}, None, False),
        ({"configmap/inbox-env": GREEN}, None, True),
        ({"configmap/inbox-env": GREEN}, {"configmap/inbox-env": BLUE}, True),
        ({"configmap/inbox-env": GREEN}, {"configmap/inbox-env": GREEN}, False),
        ({}, {"configmap/inbox-env": GREEN}, True),
        ({"configmap/other": GREEN}, {"configmap/inbox-env": GREEN}, True),
    ],
)
def test_configs_changed_as_example_g8_says(current, stored, changed):
    assert configs_changed(current, stored) is changed
