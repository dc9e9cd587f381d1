"""EndpointSlices, HTTPRoute status and garbage collection."""

from canarykit.kinds import DEPLOYMENT, ENDPOINT_SLICE, HTTP_ROUTE, POD, REPLICA_SET, SCALED_OBJECT, SERVICE
from canarykit.model import Ref
from canarykit.world import View, ready_addresses
from unit.world.apply import DEP, NS, SVC, Cluster, a_deployment, a_route, a_scaled_object, a_service


def test_slice_lists_pods_and_whether_they_are_ready():
    cluster = Cluster()
    cluster.create(a_deployment(replicas=2), a_service())
    cluster.run(1)
    found = cluster.get(ENDPOINT_SLICE, "podinfo-ck")
    assert found["metadata"]["labels"]["kubernetes.io/service-name"] == "podinfo"
    assert [each["conditions"]["ready"] for each in found["endpoints"]] == [False, False]
    assert ready_addresses(View.of(cluster.objects), SVC) == ()
    cluster.run(2)
    addresses = [cluster.get(POD, name)["status"]["podIP"] for name in cluster.named(POD)]
    assert ready_addresses(View.of(cluster.objects), SVC) == tuple(sorted(addresses))
    assert cluster.get(ENDPOINT_SLICE, "podinfo-ck")["ports"] == [{"name": "http", "protocol": "TCP", "port": 9898}]


def test_slice_follows_the_selector():
    cluster = Cluster()
    cluster.create(a_deployment(), a_deployment("podinfo-primary", replicas=2), a_service())
    cluster.run(5)
    assert len(ready_addresses(View.of(cluster.objects), SVC)) == 1
    cluster.patch(SVC, {"spec": {"selector": {"app": "podinfo-primary"}}})
    cluster.run(1)
    assert len(ready_addresses(View.of(cluster.objects), SVC)) == 2
    cluster.patch(SVC, {"spec": {"selector": {"app": "nobody"}}})
    cluster.run(1)
    assert ready_addresses(View.of(cluster.objects), SVC) == ()
    cluster.patch(SVC, {"spec": {"selector": None}})
    cluster.run(1)
    assert cluster.named(ENDPOINT_SLICE) == []


def test_route_says_that_it_is_programmed_for_its_generation():
    cluster = Cluster()
    cluster.create(a_route("podinfo", {"podinfo-primary": 100}))
    cluster.run(1)
    cluster.patch(Ref.to(HTTP_ROUTE, NS, "podinfo"), {"spec": {"rules": []}})
    cluster.run(1)
    parent = cluster.status(HTTP_ROUTE, "podinfo")["parents"][0]
    assert parent["parentRef"] == {"name": "edge"}
    assert [(each["type"], each["status"], each["observedGeneration"]) for each in parent["conditions"]] == [
        ("Accepted", "True", 2),
        ("ResolvedRefs", "True", 2),
    ]


def test_deleted_deployment_takes_everything_below_along():
    cluster = Cluster()
    cluster.create(a_deployment(replicas=2), a_deployment("other"), a_service())
    cluster.run(5)
    cluster.delete(DEP)
    cluster.run(5)
    assert [name for name in cluster.named(POD) if not name.startswith("other-")] == []
    assert len(cluster.named(REPLICA_SET)) == 1
    assert cluster.get(ENDPOINT_SLICE, "podinfo-ck")["endpoints"] == []
    cluster.delete(SVC)
    cluster.run(1)
    assert cluster.named(ENDPOINT_SLICE) == []


def test_object_with_one_owner_left_stays_and_forgets_the_other():
    cluster = Cluster()
    cluster.create(a_service("one"), a_service("two"))
    owners = [
        {"apiVersion": "v1", "kind": "Service", "name": name, "uid": cluster.get(SERVICE, name)["metadata"]["uid"]}
        for name in ("one", "two")
    ]
    owned = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": NS, "ownerReferences": owners}}
    cluster.create(owned)
    cluster.delete(Ref.to(SERVICE, NS, "one"))
    cluster.run(1)
    ref = Ref("", "ConfigMap", NS, "c")
    assert [each["name"] for each in cluster.objects[ref]["metadata"]["ownerReferences"]] == ["two"]
    cluster.delete(Ref.to(SERVICE, NS, "two"))
    cluster.run(1)
    assert ref not in cluster.objects


def test_owner_of_the_same_name_but_another_uid_is_no_owner():
    cluster = Cluster()
    owner = {"apiVersion": "v1", "kind": "Service", "name": "podinfo", "uid": "an-older-one", "controller": True}
    deployment = a_deployment()
    deployment["metadata"]["ownerReferences"] = [owner]
    cluster.create(a_service(), deployment)
    cluster.run(1)
    assert cluster.named(DEPLOYMENT) == []


def test_collected_scaled_object_is_let_go_by_its_operator():
    cluster = Cluster()
    cluster.create(a_deployment(), a_service("owner"))
    uid = cluster.get(SERVICE, "owner")["metadata"]["uid"]
    scaled_object = a_scaled_object()
    scaled_object["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "Service", "name": "owner", "uid": uid}]
    cluster.create(scaled_object)
    cluster.run(5)
    assert cluster.get(SCALED_OBJECT, "podinfo-so")["metadata"]["finalizers"] == ["finalizer.keda.sh"]
    cluster.delete(Ref.to(SERVICE, NS, "owner"))
    cluster.run(1)
    assert cluster.named(SCALED_OBJECT) == []


def test_references_without_a_uid_delete_nothing():
    cluster = Cluster()
    service = a_service()
    service["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "Service", "name": "gone"}]
    cluster.create(service)
    cluster.run(1)
    assert cluster.named(SERVICE) == ["podinfo"]
