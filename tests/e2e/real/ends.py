"""How a rollout has to end on the real control plane."""

from canarykit import kinds
from e2e.real.stage import image, is_paused
from e2e.rig.person import Person


def is_promoted(person: Person, wanted: str, limit_s: float = 120.0) -> None:
    """Wait for the end of the rollout and assert that it succeeded with the image ``wanted`` and came to rest."""
    person.until(f"promotion of {wanted}", lambda: has_ended(person, wanted), limit_s)
    assert person.phase == "Succeeded", person.story()
    only_the_source_is_paused(person)


def has_ended(person: Person, wanted: str) -> bool:
    """Return whether the Canary has failed, or has succeeded with ``wanted`` on the primary."""
    return person.phase == "Failed" or (person.phase == "Succeeded" and image(person, "podinfo-primary") == wanted)


def only_the_source_is_paused(person: Person) -> None:
    """Wait for rest: the source paused and the target without pods; the primary's scaler is not paused and has its HPA."""
    person.until("the source is paused", lambda: is_paused(person.get(kinds.SCALED_OBJECT, "podinfo-so")))
    assert not is_paused(person.get(kinds.SCALED_OBJECT, "podinfo-so-primary"))
    person.until("no pods of the target", lambda: person.get(kinds.DEPLOYMENT, "podinfo")["spec"]["replicas"] == 0)
    person.until("no HPA on the target", lambda: person.find(kinds.HPA, "keda-hpa-podinfo-so") is None)
    person.until("an HPA on the primary", lambda: person.find(kinds.HPA, "keda-hpa-podinfo-so-primary") is not None)
