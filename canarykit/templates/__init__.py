"""Renders Go text templates, the language of metric queries, over named variables and nothing else.

Each variable is a function without arguments, as in Flagger: ``{{ namespace }}``, ``{{ variables.team }}``. There is no data
object, no file, no clock; output and steps are bounded, so a template can harm nobody but its own query.
A missing key is an error (``index`` alone gives the empty text, as in Go). Source: analysis.md section 2.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from canarykit.templates.functions import BUILTINS, Value, apply, is_true, kind_of, text_of
from canarykit.templates.lexer import Fail, failing
from canarykit.templates.nodes import (
    Branch,
    Command,
    Dot,
    Fields,
    Function,
    Inclusion,
    Jump,
    Literal,
    Node,
    Operand,
    Pipe,
    Printed,
    Said,
    Template,
    Variable,
)
from canarykit.templates.parser import GO_FUNCTIONS, parse

_LAZY = ("and", "or")
_OUTPUT_MAX = 64 * 1024  # characters; a Prometheus query of this size is a mistake
_STEPS_MAX = 20_000
_INCLUSIONS_MAX = 20

Variables = Mapping[str, str | Mapping[str, str]]


class Escape(Protocol):
    """Makes printed values fit their place, e.g. inside a quoted text. Holds a position, so every rendering needs a new one."""

    def saw(self, text: str) -> None:
        """Take note of literal text."""

    def fitted(self, value: str) -> str:
        """Return ``value`` as it has to stand here, and take note of it; ValueError where it cannot stand here."""


def render(text: str, variables: Variables, path: str = "query", escape: Escape | None = None) -> str:
    """Return ``text`` with its actions carried out.

    Args:
        text: a Go text template, e.g. ``sum(rate(requests{ns="{{ namespace }}"}[{{ interval }}]))``.
        variables: what the template may name; values are texts, or maps of texts. Builtin functions keep their names.
        path: where the template stands, for errors, e.g. ``spec.analysis.metrics[0].query``.
        escape: makes the printed text of an action fit its place; None prints as is.

    Raises:
        SpecError: syntax, unknown name, missing key, wrong types, or too much output; the problem has line and column.

    Source: analysis.md section 2.1. Differs: where Go's printf prints a complaint like ``%!d(string=x)``, this is an error.
    """
    if "{{" not in text:
        return text
    template = parse(text, (*GO_FUNCTIONS, *variables), path)
    return _Run(template, variables, failing(text, path), escape).output()


class _Left(Exception):
    """A break or continue on its way to its range."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


class _Run:
    """One execution of a template: what was printed so far, and the variables in scope."""

    def __init__(self, template: Template, variables: Variables, fail: Fail, escape: Escape | None) -> None:
        self.template = template
        self.variables = variables
        self.fail = fail
        self.escape = escape
        self.printed: list[str] = []
        self.size = 0
        self.scope: list[tuple[str, Value]] = [("$", None)]
        self.steps = 0
        self.inclusions = 0

    def output(self) -> str:
        self.walk(self.template.nodes, None)
        return "".join(self.printed)

    def walk(self, nodes: tuple[Node, ...], dot: Value) -> None:
        for node in nodes:
            match node:
                case Said():
                    self.say(node.text, 0)
                    if self.escape is not None:
                        self.escape.saw(node.text)
                case Printed():
                    self.print(node.pipe, dot)
                case Branch(kind="range"):
                    self.range(node, dot)
                case Branch():
                    with self.block():
                        value = self.pipe(node.pipe, dot)
                        inner = value if node.kind == "with" and is_true(value) else dot
                        self.walk(node.body if is_true(value) else node.otherwise, inner)
                case Jump():
                    raise _Left(node.kind)
                case Inclusion():
                    self.include(node, dot)

    def say(self, text: str, position: int) -> None:
        self.step(position)
        self.printed.append(text)
        self.size += len(text)
        self.bound(self.size, position)

    def bound(self, size: int, position: int) -> None:
        if size > _OUTPUT_MAX:
            raise self.fail(position, f"the result is longer than {_OUTPUT_MAX} characters")

    def step(self, position: int) -> None:
        self.steps += 1
        if self.steps > _STEPS_MAX:
            raise self.fail(position, f"takes more than {_STEPS_MAX} steps")

    def print(self, pipe: Pipe, dot: Value) -> None:
        value = self.pipe(pipe, dot)
        if pipe.declares:
            return
        printed = text_of(value)
        if self.escape is not None:
            try:
                printed = self.escape.fitted(printed)
            except ValueError as error:
                raise self.fail(pipe.position, str(error)) from None
        self.say(printed, pipe.position)

    @contextmanager
    def block(self) -> Iterator[None]:
        """Forget the variables that are declared inside."""
        known = len(self.scope)
        try:
            yield
        finally:
            del self.scope[known:]

    def range(self, node: Branch, dot: Value) -> None:
        with self.block():
            value = self.pipe(node.pipe, dot, declare=False)
            if isinstance(value, int) and len(node.pipe.declares) == 2:
                raise self.fail(node.pipe.position, "a number is iterated over with one variable")
            elements = self.elements(value, node.pipe.position)
            empty = True
            for pair in elements:
                empty = False
                self.step(node.pipe.position)
                with self.block():
                    self.bind_element(node.pipe, pair)
                    try:
                        self.walk(node.body, pair[1])
                    except _Left as left:
                        if left.kind == "break":
                            break
            if empty:
                self.walk(node.otherwise, dot)

    def elements(self, value: Value, position: int) -> Iterator[tuple[Value, Value]]:
        match value:
            case None:
                return iter(())
            case Mapping():
                return iter([(key, value[key]) for key in sorted(value)])
            case int() if not isinstance(value, bool):
                return ((number, number) for number in range(value))
        raise self.fail(position, f"range cannot iterate over {kind_of(value)}")

    def bind_element(self, pipe: Pipe, pair: tuple[Value, Value]) -> None:
        # One variable gets the element, two get index (or key) and element.
        values = pair if len(pipe.declares) == 2 else pair[1:]
        for name, value in zip(pipe.declares, values, strict=False):
            self.bind(name, value, pipe)

    def bind(self, name: str, value: Value, pipe: Pipe) -> None:
        if not pipe.assigns:
            self.scope.append((name, value))
            return
        for place in range(len(self.scope) - 1, -1, -1):
            if self.scope[place][0] == name:
                self.scope[place] = (name, value)
                return
        raise self.fail(pipe.position, f"undefined variable {name}")

    def include(self, node: Inclusion, dot: Value) -> None:
        nodes = self.template.defined.get(node.name)
        if nodes is None:
            raise self.fail(node.position, f"template {node.name!r} is not defined")
        if self.inclusions >= _INCLUSIONS_MAX:
            raise self.fail(node.position, f"templates include each other more than {_INCLUSIONS_MAX} deep")
        value = self.pipe(node.pipe, dot) if node.pipe else None
        outer, self.scope = self.scope, [("$", value)]
        self.inclusions += 1
        self.walk(nodes, value)
        self.inclusions -= 1
        self.scope = outer

    def pipe(self, pipe: Pipe, dot: Value, declare: bool = True) -> Value:
        value: Value = None
        for place, command in enumerate(pipe.commands):
            self.step(command.position)
            value = self.command(command, dot, (value,) if place else ())
        if declare:
            for name in pipe.declares:
                self.bind(name, value, pipe)
        return value

    def command(self, command: Command, dot: Value, final: tuple[Value, ...]) -> Value:
        first, *rest = command.operands
        if isinstance(first, Function):
            return self.call(first, rest, dot, final)
        if rest or final:
            raise self.fail(command.position, "arguments are given to something that is no function")
        return self.value(first, dot)

    def call(self, function: Function, operands: list[Operand], dot: Value, final: tuple[Value, ...]) -> Value:
        if function.name in _LAZY:
            return self.first_decisive(function, operands, dot, final)
        arguments = [self.value(operand, dot) for operand in operands]
        arguments += final
        if function.name not in BUILTINS:
            if arguments:
                raise self.fail(function.position, f"{function.name} takes no arguments")
            return self.variables[function.name]
        try:
            result = apply(function.name, arguments)
        except ValueError as error:
            raise self.fail(function.position, str(error)) from None
        self.bound(len(result) if isinstance(result, str) else 0, function.position)
        return result

    def first_decisive(self, function: Function, operands: list[Operand], dot: Value, final: tuple[Value, ...]) -> Value:
        """Carry out ``and`` and ``or``: the first argument that decides, or the last; later ones are not evaluated."""
        stops_at = function.name == "or"
        value: Value = None
        if not operands and not final:
            raise self.fail(function.position, f"{function.name} takes at least 1 argument")
        for operand in operands:
            value = self.value(operand, dot)
            if is_true(value) == stops_at:
                return value
        return final[0] if final else value

    def value(self, operand: Operand, dot: Value) -> Value:
        match operand:
            case Literal():
                return operand.value
            case Dot():
                return dot
            case Variable():
                return self.variable(operand)
            case Function():
                return self.call(operand, [], dot, ())
            case Pipe():
                return self.pipe(operand, dot)
            case Fields():
                return self.fields(operand, dot)

    def variable(self, operand: Variable) -> Value:
        for name, value in reversed(self.scope):
            if name == operand.name:
                return value
        raise self.fail(operand.position, f"undefined variable {operand.name}")

    def fields(self, operand: Fields, dot: Value) -> Value:
        value = self.value(operand.of, dot)
        for name in operand.names:
            if not isinstance(value, Mapping):
                raise self.fail(operand.position, f"{kind_of(value)} has no field {name!r}")
            if name not in value:
                raise self.fail(operand.position, f"map has no entry for key {name!r}")
            value = value[name]
        return value
