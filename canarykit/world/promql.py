"""The value of a PromQL tree over simulated traffic at one instant.

Counters are exact here, so ``rate`` is the increase over the window divided by its length, without extrapolation.
"""

import math
from collections.abc import Callable

from attrs import frozen

from canarykit.errors import SpecError
from canarykit.world import series
from canarykit.world.promql_syntax import PATH, Aggregation, Binary, Call, Node, Number, Selector, Text, matches, parse
from canarykit.world.series import Labels
from canarykit.world.traffic import Traffic

Vector = list[tuple[dict[str, str], float]]
Value = float | Vector

RATES = ("rate", "increase", "irate")
SIMPLE: dict[str, Callable[[float], float]] = {"abs": abs, "ceil": math.ceil, "floor": math.floor}
NAME = "__name__"


@frozen
class _World:
    traffic: Traffic
    now: float


def evaluate(query: str, traffic: Traffic, now: float) -> Value:
    """Return what ``query`` is worth at ``now``: a number for a scalar, else a list of (labels, value).

    Raises SpecError for what the subset does not have. A metric that nobody knows is an empty list, as in Prometheus.
    """
    return _value(parse(query), _World(traffic, now))


def single(query: str, traffic: Traffic, now: float) -> float | None:
    """Return the one value of ``query``, None for an empty or not-a-number answer; several values are a SpecError."""
    found = evaluate(query, traffic, now)
    if isinstance(found, float):
        return None if math.isnan(found) else found
    if len(found) > 1:
        raise SpecError(PATH, "gives several values where one is needed", query, "Aggregate with sum() or name one series.")
    return None if not found or math.isnan(found[0][1]) else found[0][1]


def _value(node: Node, world: _World) -> Value:
    match node:
        case Number():
            return node.value
        case Text():
            raise SpecError(PATH, "has a text where a value is needed", node.value)
        case Selector():
            return _selected(node, world)
        case Call():
            return _called(node, world)
        case Aggregation():
            return _aggregated(node, world)
        case Binary():
            return _joined(node, world)


def _vector(node: Node, world: _World) -> Vector:
    found = _value(node, world)
    if isinstance(found, float):
        raise SpecError(PATH, "has a scalar where a vector is needed", found, "Wrap it in vector().")
    return found


def _scalar(node: Node, world: _World) -> float:
    found = _value(node, world)
    if isinstance(found, float):
        return found
    raise SpecError(PATH, "has a vector where a scalar is needed", None, "Wrap it in scalar().")


def _selected(node: Selector, world: _World) -> Vector:
    if node.window_s is not None:
        raise SpecError(PATH, f"uses a range of {node.name} by itself", None, f"Put it into one of {', '.join(RATES)}.")
    found = series.at_time(world.traffic, _name(node), world.now - node.offset_s, _wanted(node))
    return [({NAME: _name(node), **dict(labels)}, value) for labels, value in sorted(found.items())]


def _name(node: Selector) -> str:
    named = (each.value for each in node.matchers if each.label == NAME and each.operator == "=")
    return node.name or next(named, "")


def _wanted(node: Selector) -> Callable[[dict[str, str]], bool]:
    matchers = tuple(each for each in node.matchers if each.label != NAME)
    return lambda labels: matches(matchers, labels)


def _called(node: Call, world: _World) -> Value:
    name, arguments = node.function, node.arguments
    wanted = {"time": 0, "histogram_quantile": 2}.get(name, 1)
    if name not in (*RATES, *SIMPLE, "time", "histogram_quantile", "vector", "scalar", "absent"):
        raise SpecError(PATH, "uses a function that the simulated Prometheus does not have", name)
    if len(arguments) != wanted:
        raise SpecError(PATH, f"gives {name} {len(arguments)} arguments instead of {wanted}")
    if name == "time":
        return world.now
    if name in RATES:
        return _rated(name, arguments[0], world)
    if name == "histogram_quantile":
        return _quantiles(_scalar(arguments[0], world), _vector(arguments[1], world))
    if name == "vector":
        return [({}, _scalar(arguments[0], world))]
    found = _vector(arguments[0], world)
    if name == "scalar":
        return found[0][1] if len(found) == 1 else math.nan
    if name == "absent":
        return [] if found else [({}, 1.0)]
    return [(_unnamed(labels), float(SIMPLE[name](value))) for labels, value in found]


def _unnamed(labels: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key != NAME}


def _rated(name: str, node: Node, world: _World) -> Vector:
    if not isinstance(node, Selector) or not node.window_s:
        raise SpecError(PATH, f"gives {name} no range", None, 'Give it one, such as `http_requests_total{app="x"}[1m]`.')
    end = world.now - node.offset_s
    found = series.increases(world.traffic, _name(node), end - node.window_s, end, _wanted(node))
    per = 1.0 if name == "increase" else node.window_s
    return [(dict(labels), value / per) for labels, value in sorted(found.items())]


def _quantiles(share: float, buckets: Vector) -> Vector:
    """Return the quantile per group of buckets (all labels but ``le``)."""
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, value in buckets:
        if "le" in labels:
            key = tuple(sorted((name, text) for name, text in labels.items() if name not in ("le", NAME)))
            groups.setdefault(key, []).append((float(labels["le"]), value))
    return [(dict(key), _quantile(share, sorted(bounds))) for key, bounds in groups.items()]


def _quantile(share: float, bounds: list[tuple[float, float]]) -> float:
    """Return the value below which ``share`` of the observations lie, by straight lines within a bucket."""
    total = bounds[-1][1]
    if not math.isinf(bounds[-1][0]) or len(bounds) < 2 or total == 0 or math.isnan(total):
        return math.nan
    if not 0 <= share <= 1:
        return math.inf if share > 1 else -math.inf
    rank, low, before = share * total, 0.0, 0.0
    for bound, count in bounds:
        if count >= rank:
            # Above the highest finite bound nothing is known, so that bound is the answer.
            within = (rank - before) / (count - before) if count > before else 1.0
            return low if math.isinf(bound) else low + (bound - low) * within
        low, before = bound, count
    return low


def _aggregated(node: Aggregation, world: _World) -> Vector:
    groups: dict[Labels, list[float]] = {}
    for labels, value in _vector(node.argument, world):
        kept = {key: text for key, text in labels.items() if key != NAME and (key in node.labels) == node.keeps}
        groups.setdefault(tuple(sorted(kept.items())), []).append(value)
    operators: dict[str, Callable[[list[float]], float]] = {
        "sum": math.fsum,
        "avg": lambda values: math.fsum(values) / len(values),
        "max": max,
        "min": min,
        "count": lambda values: float(len(values)),
    }
    return [(dict(key), operators[node.operator](values)) for key, values in sorted(groups.items())]


def _joined(node: Binary, world: _World) -> Value:
    left, right = _value(node.left, world), _value(node.right, world)
    if node.operator == "or":
        return _either(left, right, node)
    if isinstance(left, float) and isinstance(right, float):
        return _computed(node.operator, left, right)
    if isinstance(right, float):
        return [(_unnamed(labels), _computed(node.operator, value, right)) for labels, value in _listed(left)]
    if isinstance(left, float):
        return [(_unnamed(labels), _computed(node.operator, left, value)) for labels, value in right]
    partners: dict[Labels, float] = {}
    for labels, value in right:
        key = _key(labels, node)
        if key in partners:
            raise SpecError(PATH, f"has several series on the right of {node.operator} for one on the left", dict(key))
        partners[key] = value
    pairs = [(labels, value, _key(labels, node)) for labels, value in left]
    return [(dict(key), _computed(node.operator, value, partners[key])) for _, value, key in pairs if key in partners]


def _listed(value: Value) -> Vector:
    return [({}, value)] if isinstance(value, float) else value


def _key(labels: dict[str, str], node: Binary) -> Labels:
    return tuple(sorted((key, text) for key, text in labels.items() if key != NAME and (key in node.labels) == node.on))


def _either(left: Value, right: Value, node: Binary) -> Vector:
    if isinstance(left, float) or isinstance(right, float):
        raise SpecError(PATH, "has a scalar beside `or`", None, "Wrap it in vector().")
    known = {_key(labels, node) for labels, _ in left}
    return left + [(labels, value) for labels, value in right if _key(labels, node) not in known]


def _computed(operator: str, left: float, right: float) -> float:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if right == 0:
        return math.nan if left == 0 or math.isnan(left) or operator == "%" else math.copysign(math.inf, left)
    return left / right if operator == "/" else math.fmod(left, right)
