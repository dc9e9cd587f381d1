"""Parses Go text templates into `templates.nodes`: actions, pipelines, variables, control structures, definitions.

Unknown functions and undeclared variables are errors here, as in Go, so `parse` alone tells whether a template is usable.
Source: analysis.md section 2.1; Go's documentation of text/template.
"""

from collections.abc import Collection

from canarykit.templates.lexer import Action, Fail, Text, Token, failing, items, unquoted
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

# Of Go's template language; `templates.functions` and `templates` carry them out.
GO_FUNCTIONS = (
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf", "println",
    "slice", "urlquery",
)  # fmt: skip
QUERY_VARIABLES = ("name", "namespace", "target", "service", "ingress", "route", "interval", "variables")

_DEPTH_MAX = 50  # of nested actions and parentheses; real queries have two or three
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "nil": None}


def parse(source: str, functions: Collection[str], path: str = "query") -> Template:
    """Return the nodes of a Go text template.

    Args:
        source: the template.
        functions: the names it may call: `GO_FUNCTIONS` and those of its variables.
        path: where the template stands, for errors.

    Raises:
        SpecError: the template is malformed, calls an unknown function or uses an undeclared variable; with line and column.
    """
    return _Parser(source, functions, failing(source, path)).template()


def check_query(source: str, path: str = "query") -> None:
    """Raise SpecError, with line and column, when ``source`` is no template that the query of a metric can be.

    Looks at syntax and names; that a key of ``variables`` is missing shows only when the query is rendered.
    """
    parse(source, (*GO_FUNCTIONS, *QUERY_VARIABLES), path)


class _Parser:
    """Reads the items of one template once, front to back."""

    def __init__(self, source: str, functions: Collection[str], fail: Fail) -> None:
        self.items = items(source, fail)
        self.end = len(source)
        self.functions = functions
        self.fail = fail
        self.variables = ["$"]
        self.defined: dict[str, tuple[Node, ...]] = {}
        self.range_depth = 0
        self.depth = 0

    def template(self) -> Template:
        nodes, closing = self.body(at_top=True)
        if closing is not None:
            raise self.fail(closing.position, f"unexpected {closing.at().text}")
        return Template(nodes, self.defined)

    def body(self, at_top: bool = False) -> tuple[tuple[Node, ...], "_Cursor | None"]:
        """Return the nodes up to an ``end`` or ``else`` action, and that action (None at the end of the source)."""
        nodes: list[Node] = []
        for item in self.items:
            if isinstance(item, Text):
                nodes.append(Said(item.text))
                continue
            cursor = _Cursor(item, self)
            keyword = cursor.at().text if cursor.at().kind == "word" else ""
            if keyword in ("end", "else"):
                return tuple(nodes), cursor
            if keyword == "define" and not at_top:
                raise self.fail(item.position, "define is only allowed at the top level")
            node = self.statement(keyword, cursor)
            if node is not None:
                nodes.append(node)
        return tuple(nodes), None

    def statement(self, keyword: str, cursor: "_Cursor") -> Node | None:
        match keyword:
            case "if" | "with" | "range":
                cursor.take()
                return self.branch(keyword, cursor)
            case "define":
                cursor.take()
                self.definition(cursor.name(), cursor)
                return None
            case "block":
                cursor.take()
                name = cursor.name()
                pipe = cursor.pipe()
                cursor.finish()
                self.definition(name, cursor)
                return Inclusion(name, pipe, cursor.position)
            case "template":
                cursor.take()
                name = cursor.name()
                pipe_or_none = None if cursor.is_done else cursor.pipe()
                cursor.finish()
                return Inclusion(name, pipe_or_none, cursor.position)
            case "break" | "continue":
                cursor.take()
                cursor.finish()
                if not self.range_depth:
                    raise self.fail(cursor.position, f"{keyword} outside of range")
                return Jump(keyword, cursor.position)
        pipe = cursor.pipe()
        cursor.finish()
        return Printed(pipe)

    def branch(self, kind: str, cursor: "_Cursor") -> Branch:
        known = len(self.variables)
        self.deeper(cursor.position)
        pipe = cursor.pipe(in_range=kind == "range")
        cursor.finish()
        self.range_depth += kind == "range"
        body, closing = self.body()
        self.range_depth -= kind == "range"
        otherwise: tuple[Node, ...] = ()
        if closing is not None and closing.at().text == "else":
            closing.take()
            if closing.is_done:
                otherwise, closing = self.body()
                self.closed(kind, cursor, closing)
            elif closing.at().text == kind != "range":
                closing.take()
                otherwise = (self.branch(kind, closing),)  # which reads the end that both share
            else:
                raise self.fail(closing.at().position, f"unexpected {closing.at().text!r} after else")
        else:
            self.closed(kind, cursor, closing)
        del self.variables[known:]
        self.depth -= 1
        return Branch(kind, pipe, body, otherwise)

    def closed(self, kind: str, opening: "_Cursor", closing: "_Cursor | None") -> None:
        if closing is None:
            raise self.fail(opening.position, f"{kind} has no end")
        if closing.at().text != "end":
            raise self.fail(closing.position, "a second else")
        closing.take()
        closing.finish()

    def definition(self, name: str, cursor: "_Cursor") -> None:
        cursor.finish()
        outer, self.variables = self.variables, ["$"]
        ranges, self.range_depth = self.range_depth, 0
        self.deeper(cursor.position)
        body, closing = self.body()
        self.closed("definition", cursor, closing)
        self.depth -= 1
        self.variables, self.range_depth = outer, ranges
        if name in self.defined:
            raise self.fail(cursor.position, f"template {name!r} is defined twice")
        self.defined[name] = body

    def deeper(self, position: int) -> None:
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise self.fail(position, f"nested more than {_DEPTH_MAX} deep")


class _Cursor:
    """Walks over the tokens of one action."""

    def __init__(self, action: Action, parser: _Parser) -> None:
        self.tokens = action.tokens
        self.position = action.position
        self.parser = parser
        self.fail = parser.fail
        self.index = 0

    @property
    def is_done(self) -> bool:
        return self.index >= len(self.tokens)

    def at(self, ahead: int = 0) -> Token:
        place = self.index + ahead
        return self.tokens[place] if place < len(self.tokens) else Token("end", "", self.position, True)

    def take(self) -> Token:
        token = self.at()
        self.index += 1
        return token

    def finish(self) -> None:
        if not self.is_done:
            raise self.fail(self.at().position, f"unexpected {self.at().text!r}")

    def name(self) -> str:
        token = self.take()
        if token.kind not in ("string", "raw"):
            raise self.fail(self.position, "a quoted template name is missing")
        return unquoted(token, self.fail)

    def pipe(self, in_range: bool = False) -> Pipe:
        """Read a pipeline up to the end of the action or a closing parenthesis."""
        position = self.at().position
        declares, assigns = self.declared(in_range)
        commands = [self.command()]
        while self.at().text == "|" and self.at().kind == "mark":
            self.take()
            command = self.command()
            if not isinstance(command.operands[0], Function | Fields | Variable):
                raise self.fail(command.position, "a value cannot take the result of a pipeline")
            commands.append(command)
        if not assigns:
            self.parser.variables += declares
        return Pipe(tuple(commands), declares, assigns, position)

    def declared(self, in_range: bool) -> tuple[tuple[str, ...], bool]:
        names = [self.at().text] if self.at().kind == "variable" else []
        if names and in_range and self.at(1).text == "," and self.at(2).kind == "variable":
            names.append(self.at(2).text)
        operator = self.at(2 * len(names) - 1).text if names else ""
        if operator not in (":=", "="):
            return (), False
        if operator == "=":
            for name in names:
                self.known(name, self.at().position)
        self.index += 2 * len(names)
        return tuple(names), operator == "="

    def known(self, name: str, position: int) -> None:
        if name not in self.parser.variables:
            raise self.fail(position, f"undefined variable {name}")

    def command(self) -> Command:
        position = self.at().position
        operands: list[Operand] = []
        while not self.is_done and self.at().text not in ("|", ")"):
            if operands and not self.at().spaced:
                raise self.fail(self.at().position, f"unexpected {self.at().text!r}: a space is missing")
            operands.append(self.operand())
        if not operands:
            raise self.fail(position, "a value is missing")
        first = operands[0]
        if isinstance(first, Literal) and first.value is None:
            raise self.fail(position, "nil is not a command")
        return Command(tuple(operands), position)

    def operand(self) -> Operand:
        start = self.at()
        value = self.term()
        names = []
        while self.at().kind == "field" and not self.at().spaced:
            names.append(self.take().text[1:])
        if not names:
            return value
        if isinstance(value, Literal) or (isinstance(value, Dot) and start.kind == "mark"):
            raise self.fail(start.position, "unexpected . after a value")
        if isinstance(value, Fields):
            return Fields(value.of, (*value.names, *names), start.position)
        return Fields(value, tuple(names), start.position)

    def term(self) -> Operand:
        token = self.take()
        match token.kind:
            case "string" | "raw":
                return Literal(unquoted(token, self.fail), token.position)
            case "char":
                return Literal(self.character(token), token.position)
            case "number":
                return Literal(self.number(token), token.position)
            case "field":
                return Fields(Dot(token.position), (token.text[1:],), token.position)
            case "variable":
                self.known(token.text, token.position)
                return Variable(token.text, token.position)
            case "word" if token.text in _CONSTANTS:
                return Literal(_CONSTANTS[token.text], token.position)
            case "word":
                if token.text not in self.parser.functions:
                    raise self.fail(token.position, f"function {token.text!r} is not defined")
                return Function(token.text, token.position)
            case "mark" if token.text == ".":
                return Dot(token.position)
            case "mark" if token.text == "(":
                return self.parenthesis(token)
        raise self.fail(token.position, f"unexpected {token.text!r}")

    def parenthesis(self, opening: Token) -> Pipe:
        self.parser.deeper(opening.position)
        pipe = self.pipe()
        if self.take().text != ")":
            raise self.fail(opening.position, "parenthesis is not closed")
        self.parser.depth -= 1
        return pipe

    def character(self, token: Token) -> int:
        text = unquoted(token, self.fail)
        if len(text) != 1:
            raise self.fail(token.position, "a character constant holds one character")
        return ord(text)

    def number(self, token: Token) -> int | float:
        text = token.text.lower()
        try:
            if "x" not in text and any(mark in text for mark in ".e"):
                return float(text)
            return int(text, 0)
        except ValueError:
            raise self.fail(token.position, f"{token.text} is not a number") from None
