"""What is wrong with ``spec.service``: ports that no Service can have, names that no object can have, a route without parents."""

import re
from collections.abc import Iterator

from canarykit.dicts import at
from canarykit.errors import Problem
from canarykit.names import PRIMARY_SUFFIX
from canarykit.spec.case import Case, required, unknown
from canarykit.spec.service import TRAFFIC_DISTRIBUTIONS

LONGEST_LABEL = 63
_DNS_LABEL = re.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)


def service_problems(case: Case) -> Iterator[Problem]:
    """Yield the problems of ``spec.service``."""
    yield from _apex_problems(case)
    if not case.given("service"):
        yield required("spec.service", "Give at least service.port, the port that users call.", "C1")
        return
    yield from _port_problems(case)
    yield from _gateway_problems(case)
    wanted = case.spec.service.traffic_distribution
    if wanted and wanted not in TRAFFIC_DISTRIBUTIONS:
        yield unknown("spec.service.trafficDistribution", wanted, TRAFFIC_DISTRIBUTIONS)


def _apex_problems(case: Case) -> Iterator[Problem]:
    own = case.spec.service.name
    name, path = (own, "spec.service.name") if own else (case.spec.target_ref.name, "spec.targetRef.name")
    longest = LONGEST_LABEL - len(PRIMARY_SUFFIX)
    step = "Give a short DNS name in spec.service.name."
    if len(name) > longest:
        problem = f"is too long: {name}{PRIMARY_SUFFIX} has {len(name) + len(PRIMARY_SUFFIX)} of {LONGEST_LABEL} characters"
        yield Problem(path, problem, name, step, code="C16")
    elif name and not _DNS_LABEL.fullmatch(name):
        yield Problem(path, "cannot be the name of a Service", name, step, code="apex-name")


def _port_problems(case: Case) -> Iterator[Problem]:
    service = case.spec.service
    if not case.given("service", "port"):
        yield required("spec.service.port", "Give the port that users call, 1 to 65535.", "C8")
    elif not 1 <= service.port <= 65535:
        yield Problem("spec.service.port", "must be from 1 to 65535", service.port, "Give the port that users call.", code="C8")
    target, path = service.target_port, "spec.service.targetPort"
    if isinstance(target, int) and not 1 <= target <= 65535:
        yield Problem(path, "must be from 1 to 65535", target, "Give a container port, or leave it out.", code="target-port")
    if isinstance(target, str) and target.isdigit():
        yield Problem(path, "is a number in quotes, which reads as a name", target, "Remove the quotes.", code="target-port")


def _gateway_problems(case: Case) -> Iterator[Problem]:
    if not case.provider.startswith("gatewayapi"):
        return
    path, refs = "spec.service.gatewayRefs", case.spec.service.gateway_refs
    if not refs:
        yield required(path, "Name the Gateway that the route belongs to.", "C4")
    if len(refs) > 32:
        yield Problem(path, "has more than 32 entries", len(refs), "A route takes at most 32 parents.", code="C4")
    for index, ref in enumerate(refs):
        if not at(ref, "name"):
            yield required(f"{path}[{index}].name", "Name the Gateway.", "C4")
