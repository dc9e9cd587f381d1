"""The primary Deployment: creation (example G6), promotion (G7), and whether it already runs what it shall."""

from copy import deepcopy
from typing import Any

import jsonpatch
import pytest

from canarykit.dicts import put
from canarykit.errors import SpecError, UnknownName
from canarykit.metadata import is_ours, owner_reference
from canarykit.settings import Settings
from canarykit.workloads import WORKLOADS, workload_for
from unit.workloads.inbox import NAMES, OWNER, TRACKED, a_primary_pod_spec, a_target

SETTINGS = Settings(include_label_prefixes=("app.kubernetes.io",))
DEPLOYMENT = workload_for("Deployment")


def a_template(revision: str = "ck1-1", target: dict[str, Any] | None = None) -> dict[str, Any]:
    template = DEPLOYMENT.template_of(target or a_target())
    return DEPLOYMENT.primary_template(template, "app", "inbox", "inbox", TRACKED, revision)


def a_primary(settings: Settings = SETTINGS, replicas: int = 3) -> dict[str, Any]:
    return DEPLOYMENT.create_primary(a_target(), a_template(), NAMES, "app", "inbox", OWNER, replicas, settings)


def a_next_target() -> dict[str, Any]:
    target = a_target()
    target["spec"]["template"]["spec"]["containers"][0]["image"] = "inbox:2"
    return target


def promoted(primary: dict[str, Any], target: dict[str, Any], settings: Settings = SETTINGS) -> dict[str, Any]:
    template = a_template("ck1-2", target)
    operations = DEPLOYMENT.promotion_patch(primary, template, target, "app", "inbox", settings)
    return jsonpatch.apply_patch(primary, operations)


def test_primary_is_created_as_example_g6_says():
    primary = a_primary()
    assert primary["metadata"] == {
        "name": "inbox-primary",
        "namespace": "mail",
        "labels": {"app.kubernetes.io/part-of": "suite", "app": "inbox-primary"},
        "annotations": {"owner.example/team": "core", "app.kubernetes.io/note": "n1"},
        "ownerReferences": [OWNER],
    }
    assert primary["spec"] == {
        "replicas": 3,
        "progressDeadlineSeconds": 90,
        "minReadySeconds": 5,
        "revisionHistoryLimit": 4,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}},
        "selector": {"matchLabels": {"app": "inbox-primary", "tier": "api"}},
        "template": {
            "metadata": {
                "labels": {"tier": "api", "app": "inbox-primary"},
                "annotations": {"scrape": "true", "canarykit.dev/revision": "ck1-1"},
            },
            "spec": a_primary_pod_spec(),
        },
    }


def test_primary_is_never_created_with_zero_replicas_w9():
    assert a_primary(replicas=0)["spec"]["replicas"] == 1


def test_d1_annotations_of_the_target_alone_are_never_copied():
    """Neither at creation, nor at promotion with the prefix that means all."""
    everything = Settings(include_label_prefixes=("*",))
    for primary in (a_primary(everything), promoted(a_primary(everything), a_next_target(), everything)):
        assert primary["metadata"]["annotations"] == {"owner.example/team": "core", "app.kubernetes.io/note": "n1"}


def test_d2_primary_selector_keeps_all_other_labels_and_expressions():
    target = a_target()
    target["spec"]["selector"]["matchExpressions"] = [{"key": "app", "operator": "In", "values": ["inbox"]}]
    primary = DEPLOYMENT.create_primary(target, a_template(), NAMES, "app", "inbox", OWNER, 1, SETTINGS)
    assert primary["spec"]["selector"] == {
        "matchLabels": {"app": "inbox-primary", "tier": "api"},
        "matchExpressions": [{"key": "app", "operator": "In", "values": ["inbox-primary"]}],
    }


def test_d5_same_revision_gives_the_same_template_and_nothing_to_patch():
    primary = a_primary()
    assert a_template() == a_template()
    assert DEPLOYMENT.runs(primary, a_template())
    assert DEPLOYMENT.promotion_patch(primary, a_template(), a_target(), "app", "inbox", SETTINGS) is None


def test_d12_label_value_too_long_for_the_primary_is_named():
    target = {"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"app": "v" * 56}}}}
    with pytest.raises(SpecError, match=r"spec\.selector\.matchLabels\[app\].*at most 63"):
        DEPLOYMENT.select_label(target, ("app",))
    target["spec"]["selector"]["matchLabels"]["app"] = "v" * 55
    assert DEPLOYMENT.select_label(target, ("app",)) == ("app", "v" * 55)


def test_d12_length_of_a_primarys_own_label_is_not_counted_twice():
    primary = {"metadata": {"name": "x-primary"}, "spec": {"selector": {"matchLabels": {"app": "v" * 55 + "-primary"}}}}
    assert DEPLOYMENT.select_label(primary, ("app",))[1] == "v" * 55 + "-primary"


def test_d16_object_of_another_owner_is_not_ours():
    owner = owner_reference({"metadata": {"name": "inbox", "uid": "u6"}})
    assert is_ours({"metadata": {"ownerReferences": [owner]}}, "inbox")
    assert is_ours({"metadata": {"ownerReferences": [{**owner, "uid": "of-an-older-one"}]}}, "inbox")
    for reference in ({**owner, "name": "outbox"}, {**owner, "kind": "Job"}, {**owner, "controller": False}):
        assert not is_ours({"metadata": {"ownerReferences": [reference]}}, "inbox")
    assert not is_ours({"metadata": {}}, "inbox")


@pytest.mark.parametrize(
    ("prefixes", "annotations", "labels"),
    [
        (
            ("app.kubernetes.io",),
            {"owner.example/team": "core", "app.kubernetes.io/note": "n2", "scan.example/id": "9"},
            {"app.kubernetes.io/part-of": "suite", "app": "inbox-primary"},
        ),
        (
            ("",),
            {"owner.example/team": "core", "app.kubernetes.io/note": "n1", "scan.example/id": "9"},
            {"app.kubernetes.io/part-of": "suite", "app": "inbox-primary"},
        ),
    ],
)
def test_promotion_follows_example_g7(prefixes, annotations, labels):
    """The template is the new one; replicas, selector, owners and foreign metadata stay (D21)."""
    live = put(a_primary(replicas=5), ("metadata", "annotations", "scan.example/id"), "9")
    target = put(a_next_target(), ("spec", "replicas"), 1)
    target["metadata"]["annotations"]["app.kubernetes.io/note"] = "n2"
    after = promoted(live, target, Settings(include_label_prefixes=prefixes))
    assert after["spec"]["template"]["spec"]["containers"][0]["image"] == "inbox:2"
    assert after["spec"]["template"]["spec"]["volumes"] == a_primary_pod_spec()["volumes"]
    assert after["spec"]["template"]["metadata"] == {
        "labels": {"tier": "api", "app": "inbox-primary"},
        "annotations": {"scrape": "true", "canarykit.dev/revision": "ck1-2"},
    }
    assert after["metadata"]["annotations"] == annotations
    assert after["metadata"]["labels"] == labels
    assert after["spec"]["replicas"] == 5
    assert after["spec"]["selector"] == live["spec"]["selector"]
    assert after["metadata"]["ownerReferences"] == live["metadata"]["ownerReferences"]


def test_promotion_leaves_nothing_of_the_older_template():
    """The template is replaced whole: a field that only the older one had is gone."""
    live = put(a_primary(), ("spec", "template", "spec", "hostNetwork"), True)
    after = promoted(live, a_next_target())
    assert "hostNetwork" not in after["spec"]["template"]["spec"]


def test_promotion_follows_strategy_and_deadlines():
    target = a_next_target()
    target["spec"]["strategy"] = {"type": "Recreate"}
    target["spec"]["progressDeadlineSeconds"] = 30
    del target["spec"]["minReadySeconds"]
    after = promoted(a_primary(), target)
    assert after["spec"]["strategy"] == {"type": "Recreate"}
    assert after["spec"]["progressDeadlineSeconds"] == 30
    assert "minReadySeconds" not in after["spec"]


def test_promotion_makes_missing_metadata_maps():
    """A primary that somebody stripped of its annotations gets them by prefix again, without an invalid patch."""
    live = a_primary()
    del live["metadata"]["annotations"], live["metadata"]["labels"]
    after = promoted(live, a_next_target())
    assert after["metadata"]["annotations"] == {"app.kubernetes.io/note": "n1"}
    assert after["metadata"]["labels"]["app"] == "inbox-primary"


def test_w16_primary_goes_back_to_a_kept_template_when_the_target_is_gone():
    operations = DEPLOYMENT.promotion_patch(a_primary(), a_template("ck1-0"), None, "app", "inbox", SETTINGS)
    assert [operation["path"] for operation in operations] == ["/spec/template"]
    assert operations[0]["value"] == a_template("ck1-0")


def test_w16_primary_is_created_from_the_pinned_template_not_from_the_targets():
    """The target has moved on; the primary gets what was pinned."""
    primary = DEPLOYMENT.create_primary(a_next_target(), a_template(), NAMES, "app", "inbox", OWNER, 1, SETTINGS)
    assert primary["spec"]["template"] == a_template()


def test_template_counts_as_running_with_fields_added_by_others():
    """Defaults and admission webhooks add fields; a changed field or another stamp is another template."""
    primary = put(a_primary(), ("spec", "template", "spec", "restartPolicy"), "Always")
    assert DEPLOYMENT.runs(primary, a_template())
    assert DEPLOYMENT.stamp_of(primary) == "ck1-1"
    assert not DEPLOYMENT.runs(primary, a_template("ck1-2"))
    assert not DEPLOYMENT.runs(put(primary, ("spec", "template", "spec", "serviceAccountName"), "other"), a_template())


def test_unstamped_primary_does_not_run_the_pin_but_may_have_its_content():
    """As taken over from Flagger: no stamp, a flagger-id, otherwise the same."""
    primary = put(a_primary(), ("spec", "template", "metadata", "annotations"), {"scrape": "true", "flagger-id": "f1"})
    assert not DEPLOYMENT.runs(primary, a_template())
    assert DEPLOYMENT.same_content(primary, a_template())
    assert not DEPLOYMENT.same_content(primary, a_template(target=a_next_target()))


def test_adopted_template_without_a_stamp_is_run_by_the_primary_it_came_from_and_by_no_other():
    """What an adopted primary ran is kept as it is; such a primary is not written again, one promoted since is."""
    adopted = put(a_template(), ("metadata", "annotations"), {"flagger-id": "f1"})
    assert DEPLOYMENT.runs(put(a_primary(), ("spec", "template"), adopted), adopted)
    promoted_since = put(a_primary(), ("spec", "template", "metadata", "annotations", "flagger-id"), "f1")
    assert not DEPLOYMENT.runs(promoted_since, adopted)


def test_first_configured_selector_label_wins():
    target = {"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"name": "n", "app": "a"}}}}
    assert DEPLOYMENT.select_label(target, ("app", "name")) == ("app", "a")
    assert DEPLOYMENT.select_label(target, ("name", "app")) == ("name", "n")


def test_missing_selector_label_names_object_path_and_list():
    target = {"metadata": {"name": "web"}, "spec": {"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}}
    with pytest.raises(SpecError) as caught:
        DEPLOYMENT.select_label(target, ("app", "name"))
    text = str(caught.value)
    assert "spec.selector.matchLabels" in text
    assert "web" in text
    assert "app, name" in text


def test_pods_without_the_selector_label_are_an_error():
    with pytest.raises(SpecError, match="inbox needs this label"):
        DEPLOYMENT.primary_template({"metadata": {"labels": {"app": "x"}}, "spec": {}}, "app", "inbox", "inbox", (), "ck1-1")


def test_unknown_target_kind_lists_the_known_ones():
    with pytest.raises(UnknownName, match=r"spec\.targetRef\.kind.*StatefulSet.*Deployment"):
        workload_for("StatefulSet")


@pytest.mark.parametrize("kind", sorted(WORKLOADS))
def test_no_workload_changes_its_arguments(kind):
    workload, target, template = WORKLOADS[kind], a_target(), a_template()
    before = deepcopy((target, template))
    primary = workload.create_primary(target, template, NAMES, "app", "inbox", OWNER, 1, SETTINGS)
    live = deepcopy(primary)
    workload.primary_template(target["spec"]["template"], "app", "inbox", "inbox", TRACKED, "ck1-9")
    workload.promotion_patch(primary, a_template("ck1-9"), target, "app", "inbox", SETTINGS)
    workload.health(primary)
    assert (target, template) == before
    assert primary == live


@pytest.mark.parametrize("kind", sorted(WORKLOADS))
def test_every_workload_is_registered_under_its_kind_and_scales_by_one_field(kind):
    workload = WORKLOADS[kind]
    assert workload.kind.kind == kind
    assert workload.scale_patch(0) == {"spec": {"replicas": 0}}
