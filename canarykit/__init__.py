"""Progressive delivery for Kubernetes as pure functions over dicts. This is the map.

The corridor, in walking order: `observe` makes a Snapshot of the objects around one Canary; `questions` lists what only the
outside world knows; `decide` is the only place where a phase or step changes; `status` turns that into a fenced patch; `plan`
compares the desired world with the observed one and returns ordered actions.

Side rooms, one file per technology and one registry line each: `spec` (the API as classes), `scalers`, `routers`, `workloads`,
`metrics`; and `world`, pure models of the cluster around us. No I/O, no clock, no chance: time and ids are arguments.

The rooms of the corridor are imported from their modules (``from canarykit.decide import decide``), since a package cannot hold
a module and a function of one name. What else is public is listed in ``__all__``. Names are loaded when they are first used, so
that importing the package costs little.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from canarykit.decide import Decision as Decision
    from canarykit.errors import NoData as NoData
    from canarykit.errors import Problem as Problem
    from canarykit.errors import SpecError as SpecError
    from canarykit.errors import Unavailable as Unavailable
    from canarykit.errors import UnknownName as UnknownName
    from canarykit.model import Action as Action
    from canarykit.model import Answer as Answer
    from canarykit.model import Question as Question
    from canarykit.model import Ref as Ref
    from canarykit.model import Split as Split
    from canarykit.observe import references as references
    from canarykit.queries import Identities as Identities
    from canarykit.queries import rewrite_query as rewrite_query
    from canarykit.replicas import check_bounds as check_bounds
    from canarykit.replicas import override_replicas as override_replicas
    from canarykit.scalers import Clone as Clone
    from canarykit.scalers import CloneRequest as CloneRequest
    from canarykit.scalers import clone_for_primary as clone_for_primary
    from canarykit.scalers import pause as pause
    from canarykit.scalers import primary_of as primary_of
    from canarykit.scalers import resume as resume
    from canarykit.settings import Settings as Settings
    from canarykit.snapshot import Snapshot as Snapshot
    from canarykit.status import status_patch as status_patch
    from canarykit.steps import next_weight as next_weight

_HOMES = {
    "Action": "model",
    "Answer": "model",
    "Clone": "scalers",
    "CloneRequest": "scalers",
    "Decision": "decide",
    "Identities": "queries",
    "NoData": "errors",
    "Problem": "errors",
    "Question": "model",
    "Ref": "model",
    "Settings": "settings",
    "Snapshot": "snapshot",
    "SpecError": "errors",
    "Split": "model",
    "Unavailable": "errors",
    "UnknownName": "errors",
    "check_bounds": "replicas",
    "clone_for_primary": "scalers",
    "next_weight": "steps",
    "override_replicas": "replicas",
    "pause": "scalers",
    "primary_of": "scalers",
    "references": "observe",
    "resume": "scalers",
    "rewrite_query": "queries",
    "status_patch": "status",
}
__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Load a public name from the module that it lives in."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'canarykit' has no attribute {name!r}")
    found = getattr(import_module(f"canarykit.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
