"""What a write answers."""

from attrs import field, frozen

from canary_controller.sandbox.store import Manifest


@frozen
class Outcome:
    """What a write answers: the HTTP code, the object (or Status), and warnings. ``status`` says that it is a Status."""

    code: int
    body: Manifest
    warnings: list[str] = field(factory=list)
    status: bool = False
