"""Deployments as targets: the selector label, the primary Deployment, its promotion, and single-field patches.

Source: cloning.md section 1.1 and the defects D1 to D22 of section 5.3.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import frozen

from canarykit.dicts import Manifest, at, contains, pruned
from canarykit.errors import SpecError
from canarykit.kinds import DEPLOYMENT, Kind
from canarykit.metadata import by_prefix, keep_all, primary_labels
from canarykit.names import PRIMARY_SUFFIX, Names, primary_of
from canarykit.settings import Settings
from canarykit.workloads import pods
from canarykit.workloads.affinity import for_primary
from canarykit.workloads.readiness import Health, health_of

LABEL_LENGTH = 63
COPIED = ("progressDeadlineSeconds", "minReadySeconds", "revisionHistoryLimit", "strategy")

Operation = dict[str, Any]


@frozen
class Deployment:
    """The workload plug-in for ``targetRef.kind: Deployment``."""

    kind: Kind = DEPLOYMENT

    def select_label(self, workload: Manifest, labels: Sequence[str]) -> tuple[str, str]:
        """Return the selector label and its value: the first of ``labels`` that is a key of the workload's matchLabels.

        Raises:
            SpecError: none of them is there, or the primary's value would be longer than a label may be (D12).

        Source: cloning.md section 1.0.
        """
        pairs = at(workload, "spec", "selector", "matchLabels", default={})
        path, name = "spec.selector.matchLabels", at(workload, "metadata", "name", default="")
        chosen = next((label for label in labels if label in pairs), None)
        if chosen is None:
            advice = f"Give one of these labels to the selector of {self.kind.kind} {name}: {', '.join(labels)}."
            raise SpecError(path, f"of {self.kind.kind} {name} has none of the selector labels", dict(pairs), advice)
        value = pairs[chosen]
        if len(primary_of(value.removesuffix(PRIMARY_SUFFIX))) > LABEL_LENGTH:
            advice = f"With {PRIMARY_SUFFIX} it must have at most {LABEL_LENGTH} characters."
            raise SpecError(f"{path}[{chosen}]", f"of {self.kind.kind} {name} is too long for the primary", value, advice)
        return chosen, value

    def template_of(self, workload: Manifest) -> dict[str, Any]:
        """Return the pod template."""
        return dict(at(workload, "spec", "template", default={}))

    def primary_template(
        self, template: Manifest, label: str, value: str, target_name: str, tracked: Collection[str], revision: str
    ) -> dict[str, Any]:
        """Return the pod template that the primary shall have; see `canarykit.workloads.pods.primary_template`."""
        return pods.primary_template(template, label, value, target_name, tracked, revision)

    def create_primary(
        self,
        target: Manifest,
        template: Manifest,
        names: Names,
        label: str,
        value: str,
        owner: Manifest,
        replicas: int,
        settings: Settings,
    ) -> dict[str, Any]:
        """Return the complete primary Deployment, to be created.

        Args:
            target: as observed; gives selector, strategy and metadata.
            template: what `primary_template` gave for the pinned revision (not what the target holds now: W16).
            owner: the ownerReference to the Canary.
            replicas: at least 1 is written.
            settings: label prefixes that are copied.

        The selector keeps all matchLabels and matchExpressions, with the selector label changed (D2); ``paused`` is not copied,
        nor are annotations that belong to the target alone (D1).
        """
        metadata = target["metadata"]
        labels = by_prefix(metadata.get("labels"), settings.include_label_prefixes)
        return {
            "apiVersion": self.kind.api_version,
            "kind": self.kind.kind,
            "metadata": {
                "name": names.primary,
                "namespace": names.namespace,
                "labels": primary_labels(labels, label, value),
                "annotations": keep_all(metadata.get("annotations")),
                "ownerReferences": [dict(owner)],
            },
            "spec": {
                "replicas": max(1, replicas),
                "selector": for_primary(target["spec"]["selector"], label, value),
                "template": dict(template),
                **{name: target["spec"][name] for name in COPIED if target["spec"].get(name) is not None},
            },
        }

    def promotion_patch(
        self,
        primary: Manifest,
        template: Manifest,
        target: Manifest | None,
        label: str,
        value: str,
        settings: Settings,
    ) -> list[Operation] | None:
        """Return the JSON patch operations that make a living primary run ``template``, or None when nothing differs.

        Args:
            primary: as observed. Selector, owners and replicas are not touched.
            template: what `primary_template` gave; it replaces the old one whole, so that nothing of that lives on.
            target: as observed; gives strategy, deadlines, labels and annotations by prefix. None (deleted): only the template.
            settings: label prefixes that are copied.

        Keys of the primary's metadata that others set stay (D1, D21). The caller adds the test of the resourceVersion.
        """
        operations: list[Operation] = []
        if not self.runs(primary, template):
            operations.append(_set("/spec/template", dict(template)))
        if target is not None:
            operations += _spec_operations(primary, target)
            prefixes = settings.include_label_prefixes
            labels = primary_labels(by_prefix(at(target, "metadata", "labels"), prefixes), label, value)
            operations += _metadata_operations(primary, "labels", labels)
            annotations = by_prefix(at(target, "metadata", "annotations"), prefixes)
            operations += _metadata_operations(primary, "annotations", annotations)
        return operations or None

    def runs(self, primary: Manifest, template: Manifest) -> bool:
        """Tell whether the primary's template is ``template``: the same stamp, and all it says is there.

        Admission webhooks may add fields, so more than that may be there. A template without a stamp (adopted as it ran) is not
        run by a primary that has one. Whether pods run it is `health`'s answer.
        """
        observed = self.template_of(primary)
        return pods.stamp_of(observed) == pods.stamp_of(template) and contains(observed, template)

    def stamp_of(self, workload: Manifest) -> str:
        """Return the revision in the annotation ``canarykit.dev/revision`` of the pod template, or ""."""
        return pods.stamp_of(self.template_of(workload))

    def same_content(self, primary: Manifest, template: Manifest) -> bool:
        """Tell whether the primary runs ``template`` but for stamps; see `canarykit.workloads.pods.same_content`."""
        return pods.same_content(self.template_of(primary), template)

    def health(self, workload: Manifest, percent: int = 100) -> Health:
        """Return what the status says of the pods; see `canarykit.workloads.readiness.health_of`."""
        return health_of(workload, percent)

    def scale_patch(self, replicas: int) -> dict[str, Any]:
        """Return the merge patch that asks for ``replicas`` pods."""
        return {"spec": {"replicas": replicas}}


def _spec_operations(primary: Manifest, target: Manifest) -> list[Operation]:
    operations = []
    for name in COPIED:
        wanted, present = target["spec"].get(name), primary["spec"].get(name)
        if (pruned(wanted) or None) == (pruned(present) or None):
            continue
        path = f"/spec/{name}"
        operations.append({"op": "remove", "path": path} if wanted is None else _set(path, wanted))
    return operations


def _metadata_operations(primary: Manifest, member: str, wanted: Mapping[str, str]) -> list[Operation]:
    present = at(primary, "metadata", member)
    changed = {key: text for key, text in wanted.items() if (present or {}).get(key) != text}
    if not changed:
        return []
    if not present:
        return [_set(f"/metadata/{member}", dict(changed))]
    return [_set(f"/metadata/{member}/{_pointer(key)}", text) for key, text in sorted(changed.items())]


def _set(path: str, value: Any) -> Operation:
    """An ``add``: it replaces what is there, and does not mind if nothing is."""
    return {"op": "add", "path": path, "value": value}


def _pointer(key: str) -> str:
    """A key as part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
