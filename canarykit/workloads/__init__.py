"""Workloads: kinds that a Canary may target. One registry, one file per kind; an unknown kind is an error, never a guess."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from canarykit.dicts import Manifest
from canarykit.errors import UnknownName
from canarykit.kinds import Kind
from canarykit.names import Names
from canarykit.settings import Settings
from canarykit.workloads.deployment import Deployment
from canarykit.workloads.readiness import Health

__all__ = ["WORKLOADS", "Deployment", "Health", "Workload", "workload_for"]


class Workload(Protocol):
    """What the corridor asks of a kind of workload. Nothing changes its arguments; `Deployment` says more about each."""

    @property
    def kind(self) -> Kind:
        """The served kind."""

    def select_label(self, workload: Manifest, labels: Sequence[str]) -> tuple[str, str]:
        """Return the selector label, the first of ``labels`` that the workload selects by, and its value; or raise SpecError."""

    def template_of(self, workload: Manifest) -> dict[str, Any]:
        """Return the pod template."""

    def primary_template(
        self, template: Manifest, label: str, value: str, target_name: str, tracked: Collection[str], revision: str
    ) -> dict[str, Any]:
        """Return the pod template of the primary, stamped with ``revision``."""

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
        """Return the complete primary, with the primary's ``template``, to be created."""

    def promotion_patch(
        self, primary: Manifest, template: Manifest, target: Manifest | None, label: str, value: str, settings: Settings
    ) -> list[dict[str, Any]] | None:
        """Return the JSON patch that makes a living primary run the primary's ``template``; None when nothing differs."""

    def runs(self, primary: Manifest, template: Manifest) -> bool:
        """Tell whether the primary's template carries the stamp of ``template`` and all that it says."""

    def stamp_of(self, workload: Manifest) -> str:
        """Return the revision that the workload's pod template is stamped with, or ""."""

    def same_content(self, primary: Manifest, template: Manifest) -> bool:
        """Tell whether the primary's template says all that ``template`` says, stamps aside."""

    def health(self, workload: Manifest, percent: int = 100) -> Health:
        """Return what the workload's status says of its pods."""

    def scale_patch(self, replicas: int) -> dict[str, Any]:
        """Return the merge patch that asks for ``replicas`` pods."""


WORKLOADS: dict[str, Workload] = {
    "Deployment": Deployment(),
}


def workload_for(kind: str) -> Workload:
    """Return the plug-in for ``spec.targetRef.kind``; raises UnknownName, which lists the known kinds."""
    try:
        return WORKLOADS[kind]
    except KeyError:
        raise UnknownName("spec.targetRef.kind", kind, WORKLOADS) from None
