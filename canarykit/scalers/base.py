"""What a scaler kind is to the rest of the house: the request for a primary, the answer, and the Protocol of a kind."""

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import field, frozen

from canarykit.dicts import Manifest, at
from canarykit.errors import Problem
from canarykit.kinds import Kind
from canarykit.queries import STRICT, Identities

Mark = str | int | None


@frozen
class CloneRequest:
    """Everything the primary's scaler depends on besides the source scaler.

    Attributes:
        primary_name: of the primary's scaler, ``<source>-primary``.
        primary_workload: of the workload it scales, ``<target>-primary``.
        owner: the Canary's ownerReference; {} leaves ownership to the caller.
        identities: target, label value and Service of the application.
        selector_label: the chosen selector label key, e.g. ``app``.
        namespace: of all of them.
        replicas: ``primaryScalerReplicas``, ``{"minReplicas": …, "maxReplicas": …}``, each optional; None without override.
        queries: ``primaryScalerQueries``, trigger name to query; None without.
        query_rewrite: ``strict`` or ``text`` (Flagger's plain replacement).
        include_prefixes: of the labels and annotations that follow the source; () means all.
        tracked_configs: ``configmap/<name>`` and ``secret/<name>`` that have a ``-primary`` copy.
        target_kind: kind of the target; the source must scale it.
        api_version: ``autoscalerRef.apiVersion``, only to say when another one is spoken.
    """

    primary_name: str
    primary_workload: str
    owner: Mapping[str, Any]
    identities: Identities
    selector_label: str
    namespace: str
    replicas: Mapping[str, int | None] | None = None
    queries: Mapping[str, str] | None = None
    query_rewrite: str = STRICT
    include_prefixes: tuple[str, ...] = ()
    tracked_configs: frozenset[str] = field(factory=frozenset)
    target_kind: str = "Deployment"
    api_version: str = ""


@frozen
class Clone:
    """The primary's scaler: the fields that we manage, without status, uid and versions.

    ``diagnostics`` are errors (do not write the manifest; the scaler that exists stays, and the workload is not touched for it)
    and warnings.
    """

    manifest: dict[str, Any]
    diagnostics: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The diagnostics that forbid writing the manifest."""
        return tuple(problem for problem in self.diagnostics if problem.severity == "error")

    @property
    def writable(self) -> bool:
        """Whether the API server and KEDA can be expected to accept the manifest."""
        return not self.errors


class Scaler(Protocol):
    """One kind of scaler. All functions are pure; patches are JSON merge patches, None where nothing is to change."""

    @property
    def kind(self) -> Kind:
        """The served kind."""

    @property
    def has_pause(self) -> bool:
        """Whether an idle workload has to be held at 0 by a pause of its scaler."""

    def clone_for_primary(self, source: Manifest, live: Manifest | None, request: CloneRequest) -> Clone:
        """Return the primary's scaler as it follows from the source as it is now; ``live`` is the primary's, if it exists."""

    def bounds(self, manifest: Manifest) -> tuple[int, int]:
        """Return the fewest and the most replicas that the scaler may set, defaults filled in."""

    def with_minimum(self, manifest: Manifest, n: int) -> dict[str, Any]:
        """Return a copy that keeps at least ``n`` replicas, never above its maximum; what it replaces is noted in the copy."""

    def minimum_patch(self, manifest: Manifest, n: int) -> dict[str, Any]:
        """Return the patch that makes ``n`` the whole minimum of a lent scaler (at most its maximum), lowering it, too.

        The caller takes the larger of need and the old minimum (`minimum_in` of the mark).
        """

    def minimum_as_written(self, manifest: Manifest) -> Mark:
        """Return what to remember before `minimum_patch`: the minimum, or None; as text where an idle count goes with it."""

    def minimum_in(self, mark: Mark) -> int:
        """Return the number of replicas in a value of `minimum_as_written`; 0 where it names none."""

    def fewest_in(self, mark: Mark) -> int:
        """Return the fewest replicas that the scaler sets under a value of `minimum_as_written`, an idle count included."""

    def restore_minimum_patch(self, mark: Mark) -> dict[str, Any]:
        """Return the patch that brings back what `minimum_as_written` remembered."""

    def is_paused(self, manifest: Manifest) -> bool:
        """Tell whether the scaler holds its workload at 0."""

    def paused_value(self, manifest: Manifest) -> str | None:
        """Return the pause as it stands in the object, to be remembered before `pause_patch`."""

    def pause_patch(self, manifest: Manifest) -> dict[str, Any] | None:
        """Return the patch that holds the workload at 0."""

    def release_patch(self, manifest: Manifest, value_before: str | None) -> dict[str, Any] | None:
        """Return the patch that undoes our pause; ``value_before`` is what `paused_value` remembered.

        Only our own value is undone: what somebody else wrote since then stays, and then there is nothing to do.
        """

    def same(self, observed: Manifest | None, wanted: Manifest) -> bool:
        """Tell whether there is nothing to write: ``observed`` is what ``wanted`` wants, server defaults aside."""


def whole_number(value: Any, default: int) -> int:
    """Return ``value`` if it is a number, else ``default``; quoted numbers are none."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def check_source(source: Manifest, request: CloneRequest) -> tuple[Problem, ...]:
    """Report a source that scales another workload (S22): cloned and paused, it would take that workload down."""
    name = at(source, "spec", "scaleTargetRef", "name", default="")
    kind = at(source, "spec", "scaleTargetRef", "kind", default="Deployment")
    if name == request.identities.target and kind == request.target_kind:
        return ()
    problem = f"is not the Canary's target {request.target_kind}/{request.identities.target}"
    advice = "Name the scaler of the target in spec.autoscalerRef, or correct its scaleTargetRef."
    return (Problem("spec.scaleTargetRef", problem, f"{kind}/{name}", advice, code="S22"),)


def same_metadata(observed: Manifest, wanted: Manifest) -> bool:
    """Tell whether labels, annotations and owners of ``wanted`` are all there; what others added does not count."""
    for part in ("labels", "annotations"):
        here = at(observed, "metadata", part, default={})
        if any(here.get(key) != value for key, value in at(wanted, "metadata", part, default={}).items()):
            return False
    owners = at(observed, "metadata", "ownerReferences", default=[])
    return all(owner in owners for owner in at(wanted, "metadata", "ownerReferences", default=[]))
