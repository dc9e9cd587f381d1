"""The pod template of the primary: the target's, with its own labels, config copies, scheduling rules and our stamp.

Source: cloning.md sections 1.0 and 1.1.3, design.md section 4.1.
"""

from collections.abc import Collection
from typing import Any

from canarykit.configs import rewrite_config_names
from canarykit.dicts import Manifest, at, contains
from canarykit.errors import SpecError
from canarykit.metadata import keep_all, primary_labels
from canarykit.names import FLAGGER_ID_ANNOTATION, REVISION_ANNOTATION
from canarykit.workloads.affinity import rewrite_scheduling


def primary_template(
    template: Manifest, label: str, value: str, target_name: str, tracked: Collection[str], revision: str
) -> dict[str, Any]:
    """Return the pod template that the primary shall have.

    Args:
        template: the target's, as it was when ``revision`` was seen. Not changed.
        label: the selector label; ``value`` is what the target's pods carry there.
        target_name: for the error text.
        tracked: keys (``configmap/<name>``, ``secret/<name>``) of the configs that the primary has copies of.
        revision: goes into the annotation ``canarykit.dev/revision``, so that the same revision never rolls the pods twice (D5).

    Raises:
        SpecError: the template's pods do not carry ``label`` with ``value``.
    """
    labels = at(template, "metadata", "labels", default={})
    if labels.get(label) != value:
        path = f"spec.template.metadata.labels[{label}]"
        advice = f"Deployment {target_name} needs this label on its pods, as its selector says: {value}."
        raise SpecError(path, "is not what the selector wants", labels.get(label), advice)
    annotations = keep_all(at(template, "metadata", "annotations"))
    annotations.pop(FLAGGER_ID_ANNOTATION, None)
    pod_spec = rewrite_config_names(at(template, "spec", default={}), tracked)
    return {
        "metadata": {
            "labels": primary_labels(labels, label, value),
            "annotations": {**annotations, REVISION_ANNOTATION: revision},
        },
        "spec": rewrite_scheduling(pod_spec, labels, label, value),
    }


def stamp_of(template: Manifest) -> str:
    """Return the revision that a primary's template says it is, or "" without a stamp."""
    return str(at(template, "metadata", "annotations", REVISION_ANNOTATION, default=""))


def same_content(observed: Manifest, wanted: Manifest) -> bool:
    """Tell whether an observed template says all that ``wanted`` says, stamps aside (Flagger's ``flagger-id`` and ours).

    For a primary that was taken over from Flagger and has no stamp before its next promotion.
    """
    annotations = at(wanted, "metadata", "annotations", default={})
    plain = {key: text for key, text in annotations.items() if key not in (REVISION_ANNOTATION, FLAGGER_ID_ANNOTATION)}
    return contains(observed, {**wanted, "metadata": {**wanted.get("metadata", {}), "annotations": plain}})
