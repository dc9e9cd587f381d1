"""Between manifests and classes, both ways, without losing what the classes do not know.

A stored object may hold anything that some API server once let in. `load` therefore never fails: a value of the wrong type
counts as not given, and `type_problems` names it. Strictness is `validate.parse`.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from types import GenericAlias
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

from attrs import Factory, has

from canarykit.dicts import at, put
from canarykit.errors import Problem
from canarykit.spec.canary import Canary, CanarySpec
from canarykit.spec.fields import attributes, json_name

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")
Path = tuple[str | int, ...]


class WrongType(ValueError):
    """A value is not of the type that its field has; the text says what it must be."""


def load(manifest: Mapping[str, Any]) -> Canary:
    """Return the Canary that ``manifest`` is. Never raises: what has the wrong type counts as not given.

    ``manifest`` is kept as it is in ``Canary.manifest``, unknown fields included.
    """
    spec, _ = read_as(CanarySpec, at(manifest, "spec", default={}), "spec")
    name, namespace, uid = (text_or_empty(at(manifest, "metadata", key)) for key in ("name", "namespace", "uid"))
    return Canary(name, namespace, uid, spec, manifest)


def type_problems(manifest: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return a Problem for each value under ``spec`` that has not the type of its field."""
    return read_as(CanarySpec, at(manifest, "spec", default={}), "spec")[1]


def unstructure(canary: Canary) -> dict[str, Any]:
    """Return the manifest of ``canary``: the one it was loaded from, with those fields changed that differ by now.

    So ``unstructure(load(manifest)) == manifest``, and ``unstructure(evolve(canary, …))`` changes what was evolved
    and no more; a list that was changed is written anew as a whole.
    """
    before = load(canary.manifest)
    changed = dict(canary.manifest)
    for key in ("name", "namespace", "uid"):
        if getattr(canary, key) != getattr(before, key):
            changed = put(changed, ("metadata", key), getattr(canary, key))
    if canary.spec != before.spec:
        changed["spec"] = _overlaid(at(canary.manifest, "spec", default={}), before.spec, canary.spec)
    return changed


def read_as(cls: type[T], raw: Any, path: str) -> tuple[T, tuple[Problem, ...]]:
    """Return ``raw`` as an instance of the attrs class ``cls``, and a Problem for each value that had to be left out.

    Args:
        cls: one of the API classes; all of its fields have defaults.
        raw: what stands at ``path`` in a manifest.
        path: for the problems, e.g. ``spec``.
    """
    from cattrs import BaseValidationError  # cattrs takes half of our import time and is needed by objects only

    value: Any = _without_null(raw)
    problems: list[Problem] = []
    while True:
        try:
            return _converter().structure(value, cls), tuple(problems)
        except WrongType as error:  # the whole is no object
            problems.append(_problem(path, (), error, raw))
            value = {}
        except BaseValidationError as errors:
            for where, failure in _failures(errors, ()):
                problems.append(_problem(path, where, failure, at(raw, *where)))
                value = _left_out(value, where)


def text_or_empty(value: Any) -> str:
    """Return ``value`` if it is text, else the empty text."""
    return value if isinstance(value, str) else ""


def _problem(root: str, where: Path, error: BaseException, value: Any) -> Problem:
    must = str(error) if isinstance(error, WrongType) else "must have another type"
    return Problem(shown(root, where), must, value, "Correct the value; until then it counts as not given.", code="type")


def shown(root: str, where: Path) -> str:
    """Return a path as people read it: ``spec.analysis.metrics[0].name``."""
    return root + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)


def _without_null(value: Any) -> Any:
    """Return ``value`` without null members of maps, which the API server treats as absent (empty ones mean something)."""
    if isinstance(value, Mapping):
        return {key: _without_null(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_without_null(member) for member in value]
    return value


def _left_out(value: Any, where: Path) -> Any:
    """Return ``value`` without what stands at ``where``. A list with a wrong element goes as a whole: half of it is a guess."""
    head, *rest = where
    if not rest or (len(rest) == 1 and isinstance(rest[0], int)):
        return {key: member for key, member in value.items() if key != head}
    if isinstance(value, list):
        return [_left_out(each, tuple(rest)) if index == head else each for index, each in enumerate(value)]
    if head not in value:  # an earlier failure has taken it along
        return value
    return {**value, head: _left_out(value[head], tuple(rest))}


def _failures(error: Any, path: Path) -> Iterator[tuple[Path, BaseException]]:
    """Walk the error tree of cattrs and yield each failed value with its path in the manifest."""
    from cattrs import ClassValidationError, IterableValidationError

    if isinstance(error, ClassValidationError):
        names = {attribute.name: json_name(attribute) for attribute in attributes(error.cl)}
        for inner, note in error.group_exceptions()[0]:
            yield from _failures(inner, (*path, names[note.name]))
    elif isinstance(error, IterableValidationError):
        for inner, element in error.group_exceptions()[0]:
            yield from _failures(inner, (*path, element.index))
    else:
        yield path, error


def _overlaid(raw: Any, before: Any, after: Any) -> dict[str, Any]:
    """Return the dict ``raw``, from which ``before`` was read, changed as far as ``after`` differs from ``before``."""
    changed = dict(raw) if isinstance(raw, Mapping) else {}
    for attribute in attributes(type(after)):
        key, old, new = json_name(attribute), getattr(before, attribute.name), getattr(after, attribute.name)
        if old == new:
            continue
        if new == _default(attribute.default):
            changed.pop(key, None)
        elif has(type(new)) and has(type(old)):
            changed[key] = _overlaid(changed.get(key), old, new)
        else:
            changed[key] = _converter().unstructure(new)
    return changed


def _default(default: Any) -> Any:
    return default.factory() if isinstance(default, Factory) else default  # type: ignore[arg-type]


@cache
def _converter() -> "Converter":
    """Return the one strict converter: every value must have the type of its field, whole numbers may be written ``5.0``."""
    from cattrs import Converter
    from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

    converter = Converter(detailed_validation=True, unstruct_collection_overrides={tuple: list})
    for cls, hook in ((str, _string), (int, _whole), (float, _number), (bool, _switch)):
        converter.register_structure_hook(cls, hook)
    converter.register_structure_hook(int | str | None, _number_or_name)

    def _renames(cls: type) -> dict[str, Any]:
        return {attribute.name: override(rename=json_name(attribute)) for attribute in attributes(cls)}

    def _class_hook(cls: type) -> Any:
        inner: Any = make_dict_structure_fn(cls, converter, **_renames(cls))
        return lambda value, of: inner(_checked(value, Mapping, "an object"), of)

    def _dump_hook(cls: type) -> Any:
        return make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True, **_renames(cls))

    def _list_hook(of: Any) -> Any:
        listed: Any = GenericAlias(list, get_args(of)[:1])
        inner = converter.get_structure_hook(listed)
        return lambda value, _: tuple(inner(_checked(value, list, "a list"), listed))

    def _map_hook(of: Any) -> Any:
        if get_args(of)[1] is Any:
            return lambda value, _: _checked(value, Mapping, "an object")
        plain: Any = GenericAlias(dict, get_args(of))
        inner = converter.get_structure_hook(plain)
        return lambda value, _: inner(_checked(value, Mapping, "an object"), plain)

    converter.register_structure_hook_factory(has, _class_hook)
    converter.register_unstructure_hook_factory(has, _dump_hook)
    converter.register_structure_hook_factory(_is_list, _list_hook)
    converter.register_structure_hook_factory(_is_map, _map_hook)
    return converter


def _is_list(of: Any) -> bool:
    return get_origin(of) is tuple


def _is_map(of: Any) -> bool:
    return get_origin(of) is Mapping


def _checked(value: Any, wanted: type, words: str) -> Any:
    if not isinstance(value, wanted):
        raise WrongType(f"must be {words}")
    return value


def _string(value: Any, _: Any) -> str:
    text: str = _checked(value, str, "text")
    return text


def _switch(value: Any, _: Any) -> bool:
    switch: bool = _checked(value, bool, "true or false")
    return switch


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongType("must be a number")
    return value


def _whole(value: Any, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise WrongType("must be a whole number")
    return int(value)


def _number_or_name(value: Any, _: Any) -> int | str:
    return value if isinstance(value, str) else _whole(value, _)
