"""What a litmus test says, as values: its parts, the statements of its threads, and its condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from mmfuzz.litmus.primitives import Primitive

NEVER, SOMETIMES, ALWAYS = "Never", "Sometimes", "Always"


@dataclass(frozen=True, slots=True)
class Address:
    """A pointer to a location, as a value."""

    name: str

    def __str__(self) -> str:
        return self.name


Value: TypeAlias = int | Address

# --- expressions --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, or the address of a location: a parameter of a thread is one."""

    value: Value


@dataclass(frozen=True, slots=True)
class Register:
    """A local variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """`-`, `~` or `!`."""

    operator: str
    operand: Expression
    place: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two values; `&&` and `||` evaluate the right one only where it counts."""

    operator: str
    left: Expression
    right: Expression
    place: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Call:
    """A kernel primitive, which is all that can be called; a plain `*x` is one as well."""

    primitive: Primitive
    arguments: tuple[Expression, ...]
    place: tuple[int, int]
    """Line and column, for what goes wrong when it is done."""


Expression: TypeAlias = Constant | Register | Unary | Binary | Call

# --- statements ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assign:
    """A local variable gets a value."""

    register: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Do:
    """A primitive that is called for what it does."""

    call: Call


@dataclass(frozen=True, slots=True)
class If:
    """What follows an `if` and its `else`."""

    condition: Expression
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


Statement: TypeAlias = Assign | Do | If

# --- conditions ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Equals:
    """`0:r1=1`, `x=2` or `1:r2=x`: what has that value at the end."""

    name: str
    """`0:r1` or `x`, as states have it."""
    value: Value

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class Not:
    """`~` or `not`."""

    operand: Condition

    def __str__(self) -> str:
        return f"~({self.operand})"


@dataclass(frozen=True, slots=True)
class All:
    """Each of them, `/\\`; without any it is `true`."""

    operands: tuple[Condition, ...]

    def __str__(self) -> str:
        return " /\\ ".join(_in_brackets(operand) for operand in self.operands) or "true"


@dataclass(frozen=True, slots=True)
class Any:
    """One of them, `\\/`; without any it is `false`."""

    operands: tuple[Condition, ...]

    def __str__(self) -> str:
        return " \\/ ".join(_in_brackets(operand) for operand in self.operands) or "false"


Condition: TypeAlias = Equals | Not | All | Any


def _in_brackets(condition: Condition) -> str:
    return f"({condition})" if isinstance(condition, All | Any) and condition.operands else str(condition)


def holds(condition: Condition, state: Mapping[str, Value]) -> bool:
    """Whether a final state is one that the condition describes."""
    match condition:
        case Equals(name, value):
            return state[name] == value
        case Not(operand):
            return not holds(operand, state)
        case All(operands):
            return all(holds(operand, state) for operand in operands)
        case Any(operands):
            return any(holds(operand, state) for operand in operands)


def names_in(condition: Condition) -> Iterator[str]:
    """The registers and locations that a condition asks for."""
    match condition:
        case Equals(name, _):
            yield name
        case Not(operand):
            yield from names_in(operand)
        case All(operands) | Any(operands):
            for operand in operands:
                yield from names_in(operand)


# --- the test -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LitmusThread:
    """`P0` and so on: what it does."""

    number: int
    body: tuple[Statement, ...]
    registers: Mapping[str, Value]
    """Its local variables, with what they have before it begins."""


@dataclass(frozen=True, slots=True)
class LitmusTest:
    """A litmus test as it was read."""

    name: str
    path: str
    locations: Mapping[str, Value]
    """Every location, with its first value."""
    threads: tuple[LitmusThread, ...]
    quantifier: str
    """`exists`, `~exists` or `forall`."""
    condition: Condition
    shown: tuple[str, ...]
    """Registers and locations that the condition and `locations` name, in the order of herd7."""
    filter: Condition = All(())
    """Executions that end otherwise do not count."""
    claimed: Mapping[str, str] = field(default_factory=dict)
    """What its comment says, by memory model: `Result: Never` is for all of them, `Under sc: Never` for one."""

    @property
    def condition_text(self) -> str:
        """The condition with its quantifier."""
        return f"{self.quantifier} ({self.condition})"
