"""What a parsed Go text template consists of: frozen nodes, each with the offset it came from."""

from attrs import frozen


@frozen
class Literal:
    """A string, number, boolean or nil constant."""

    value: str | int | float | bool | None
    position: int


@frozen
class Dot:
    """The present value of the nearest ``with`` or ``range``; nil outside of both."""

    position: int


@frozen
class Variable:
    """``$name``, declared before; ``$`` alone is the data of the template, which is nil here."""

    name: str
    position: int


@frozen
class Function:
    """A function's name; without arguments also a call of it."""

    name: str
    position: int


@frozen
class Fields:
    """``.a.b`` behind an operand: look up ``a``, then ``b``."""

    of: "Operand"
    names: tuple[str, ...]
    position: int


@frozen
class Pipe:
    """Commands whose results are handed on as last argument; ``declares`` are the variables that get the result."""

    commands: tuple["Command", ...]
    declares: tuple[str, ...]
    assigns: bool  # "=" to variables that exist already, instead of ":="
    position: int


Operand = Literal | Dot | Variable | Function | Fields | Pipe


@frozen
class Command:
    """A function with its arguments, or one operand alone."""

    operands: tuple[Operand, ...]
    position: int


@frozen
class Said:
    """Literal text."""

    text: str


@frozen
class Printed:
    """A pipeline whose result is printed, unless it declares a variable."""

    pipe: Pipe


@frozen
class Branch:
    """``if``, ``with`` or ``range``: the body when the pipeline's value is not empty (for each element), else ``otherwise``."""

    kind: str
    pipe: Pipe
    body: tuple["Node", ...]
    otherwise: tuple["Node", ...]


@frozen
class Jump:
    """``break`` or ``continue`` of the nearest range."""

    kind: str
    position: int


@frozen
class Inclusion:
    """``template "name" pipeline``."""

    name: str
    pipe: Pipe | None
    position: int


Node = Said | Printed | Branch | Jump | Inclusion


@frozen
class Template:
    """A parsed template: its own nodes, and the templates that it defines by name."""

    nodes: tuple[Node, ...]
    defined: dict[str, tuple[Node, ...]]
