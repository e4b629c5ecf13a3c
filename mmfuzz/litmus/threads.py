"""Runs the threads of a litmus test on a machine, with the dependencies that its registers carry.

A value goes with a view: what is known to come before it. An access by a pointer comes after what the pointer came
from, and a write after what its value came from and after the conditions it stands under, no further than the end of
their `if`: that is what herd7 takes for address, data and control dependencies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, NoReturn, assert_never

from mmfuzz.errors import ProgramError
from mmfuzz.interleave.machine import KEEP
from mmfuzz.interleave.memory import Cell, Message, View, Views, both, join, joined
from mmfuzz.interleave.waiting import Lock
from mmfuzz.litmus.machine import LitmusMachine
from mmfuzz.litmus.primitives import Primitive
from mmfuzz.litmus.syntax import (
    Address,
    Assign,
    Binary,
    Call,
    Constant,
    Do,
    Expression,
    If,
    LitmusTest,
    LitmusThread,
    Register,
    Statement,
    Unary,
    Value,
)


class Past(NamedTuple):
    """What comes before something: never changed, so it can be shared."""

    view: View
    settled: View | None
    """What full barriers had brought to everybody before it."""

    def __add__(self, other: object) -> Past:
        """What comes before both."""
        assert isinstance(other, Past)
        return Past(both(self.view, other.view) or {}, both(self.settled, other.settled))


_NOTHING = Past({}, None)


@dataclass(frozen=True, slots=True)
class Known:
    """A value, and what comes before it."""

    value: Value
    past: Past


class Locations:
    """The locations of one execution; a spinlock is one that spin_lock() and its kin are used on."""

    def __init__(self, test: LitmusTest) -> None:
        self.path = test.path
        self.cells = {name: Cell(name, value) for name, value in test.locations.items()}
        self.locks: dict[str, Lock] = {}

    def cell(self, call: Call, pointer: Value) -> Cell:
        """The location that a pointer points at."""
        name = self._name(call, pointer)
        if name in self.locks:
            self.fail(call, f"{name} is a spinlock, and {call.primitive.name} is not for spinlocks")
        return self.cells[name]

    def lock(self, call: Call, pointer: Value) -> Lock:
        """The lock that a pointer points at."""
        name = self._name(call, pointer)
        lock = self.locks.get(name)
        if lock is None:
            lock = self.locks[name] = Lock(name)
            lock.cell = self.cells[name]
        return lock

    def _name(self, call: Call, pointer: Value) -> str:
        if not isinstance(pointer, Address):
            self.fail(call, f"{call.primitive.name} follows {pointer}, which is no pointer to a location")
        return pointer.name

    def fail(self, call: Call, problem: str) -> NoReturn:
        """What a thread does makes no sense, in at least one execution."""
        raise ProgramError(self.path, *call.place, problem)


class Running:
    """One thread in one execution."""

    def __init__(self, thread: LitmusThread, machine: LitmusMachine, locations: Locations) -> None:
        self.machine = machine
        self.locations = locations
        self.body = thread.body
        self.registers = {name: Known(value, _NOTHING) for name, value in thread.registers.items()}
        self.conditions = [_NOTHING]
        """What the conditions depend on under which the next statement stands."""
        self.own: dict[int, Past] = {}
        """By event of its writes: what they depend on, for its own reads of them."""
        self.before_atomic = self.after_atomic = self.after_lock = self.after_unlock = False
        self.has_unlocked = False

    def run(self) -> None:
        """All of it."""
        self._do_all(self.body)

    # Statements

    def _do_all(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            match statement:
                case Assign(register, value):
                    self.registers[register] = self._value(value)
                case Do(call):
                    self._call(call)
                case If(condition, then, otherwise):
                    known = self._value(condition)
                    self.conditions.append(self.conditions[-1] + known.past)
                    self._do_all(then if known.value else otherwise)
                    self.conditions.pop()
                case _:
                    assert_never(statement)

    # Expressions

    def _value(self, expression: Expression) -> Known:
        match expression:
            case Constant(value):
                return Known(value, _NOTHING)
            case Register(name):
                return self.registers[name]
            case Unary(operator, operand, place):
                known = self._value(operand)
                return Known(self._computed(place, operator, known.value), known.past)
            case Binary():
                return self._binary(expression, self._value(expression.left))
            case Call():
                return self._call(expression)
            case _:
                assert_never(expression)

    def _binary(self, expression: Binary, left: Known) -> Known:
        operator = expression.operator
        if operator in ("&&", "||") and bool(left.value) == (operator == "||"):
            return Known(int(bool(left.value)), left.past)
        right = self._value(expression.right)
        value = self._computed(expression.place, operator, left.value, right.value)
        return Known(value, left.past + right.past)

    def _computed(self, place: tuple[int, int], operator: str, *values: Value) -> Value:
        """A pointer can be compared, tested, and moved by nothing, which makes it depend on how that was computed."""
        pointers = [value for value in values if isinstance(value, Address)]
        if not pointers or operator in ("==", "!=", "&&", "||", "!"):
            return _wrapped(_UNARY[operator](*values) if len(values) == 1 else _BINARY[operator](*values))
        if operator in ("+", "-") and values[1:] == (0,):
            return pointers[0]
        said = " and ".join(str(value) for value in values)
        raise ProgramError(
            self.locations.path, *place, f"{operator!r} of {said}: a pointer can be compared, or moved by 0"
        )

    # Primitives

    def _call(self, call: Call) -> Known:
        arguments = [self._value(argument) for argument in call.arguments]
        result: Known = _ACTIONS[call.primitive.action](self, call, arguments)
        return result

    def _load(self, call: Call, arguments: list[Known]) -> Known:
        pointer = arguments[0]
        order = call.primitive.order
        cell = self.locations.cell(call, pointer.value)
        message = self.machine.load(cell, order, pointer.past.view)
        past = self._seen(cell, message, pointer.past)
        if order == "acquire":
            self._views.know(past.view)
            self._views.settle(past.settled)
        return Known(message.value, past)

    @property
    def _views(self) -> Views:
        """What the thread knows; it is running when it asks."""
        thread = self.machine.current
        assert thread is not None
        return thread.views

    def _seen(self, cell: Cell, message: Message, after: Past) -> Past:
        """What comes before a value that was read."""
        views = self._views
        past = Past(dict(views.reads), views.settled_read) + after
        own = self.own.get(message.event)
        if own is not None:
            past += own
            join(views.acquired, own.view)
            views.settled_seen = both(views.settled_seen, own.settled)
        else:
            past += Past(message.view, message.settled)
        return past + Past({cell: message.stamp}, None) if message.stamp else past

    def _store(self, call: Call, arguments: list[Known]) -> Known:
        pointer, value = arguments
        machine, order = self.machine, call.primitive.order
        past = pointer.past + value.past + self.conditions[-1]
        after = past.view if order != "release" else joined(past.view, self._views.acquired)
        cell = self.locations.cell(call, pointer.value)
        machine.store(cell, value.value, "" if order == "full" else order, after, past.settled)
        self.own[machine.steps - 1] = past
        if order == "full":
            machine.barrier("smp_mb")
        return value

    def _rmw(self, call: Call, arguments: list[Known]) -> Known:
        primitive = call.primitive
        given = [
            known.value for role, known in zip(primitive.takes, arguments, strict=True) if role == "value"
        ]
        values: list[Value] = given if primitive.step is None else [primitive.step]
        pointer = arguments[primitive.takes.index("pointer")]
        cell = self.locations.cell(call, pointer.value)
        if self.before_atomic:
            self.before_atomic = False
            self.machine.barrier("smp_mb")
        change = self._change(call)
        known_before = self._views.acquired
        if primitive.result is None:
            # The read of an atomic change without a value is none that smp_rmb() orders.
            self._views.acquired = dict(known_before)
        old, wrote = self.machine.rmw(cell, lambda value: change(value, *values), primitive.order)
        self.after_atomic = self.after_atomic or wrote
        views = self._views
        if primitive.result is None:
            views.acquired = known_before
            return _NO_VALUE
        past = Past(joined(views.reads, views.acquired), both(views.settled_read, views.settled_seen))
        return Known(_result(primitive, old, wrote, change, values), past)

    def _change(self, call: Call) -> Change:
        """What an atomic change does to the old value, given the others."""
        name = call.primitive.change
        if name != "add_unless":
            return _CHANGES.get(name) or partial(self._computed, call.place, name)
        add = partial(self._computed, call.place, "+")
        return lambda old, step, unless: KEEP if old == unless else add(old, step)

    def _fence(self, call: Call, arguments: list[Known]) -> Known:
        name = call.primitive.name
        if name in ("smp_mb", "smp_rmb", "smp_wmb"):
            self.machine.barrier(name)
        elif name == "smp_mb__before_atomic":
            self.before_atomic = True
        elif (name == "smp_mb__after_atomic" and self.after_atomic) or (
            (name == "smp_mb__after_spinlock" and self.after_lock)
            or (name == "smp_mb__after_unlock_lock" and self.after_unlock)
        ):
            self.machine.barrier("smp_mb")
        return _NO_VALUE

    def _lock(self, call: Call, arguments: list[Known]) -> Known:
        lock = self.locations.lock(call, arguments[0].value)
        self.machine.lock(lock)
        self._locked(lock)
        return _NO_VALUE

    def _locked(self, lock: Lock) -> None:
        """It has a lock, and that follows an unlock if it had one before, or somebody else had this one."""
        self.after_lock = True
        self.after_unlock = self.has_unlocked or bool(lock.view)

    def _unlock(self, call: Call, arguments: list[Known]) -> Known:
        lock = self.locations.lock(call, arguments[0].value)
        if lock.writer is not self.machine.current:
            self.locations.fail(call, f"spin_unlock of {lock.cell.name}, which its thread has not locked")
        self.machine.unlock(lock)
        self.has_unlocked = True
        return _NO_VALUE

    def _trylock(self, call: Call, arguments: list[Known]) -> Known:
        lock = self.locations.lock(call, arguments[0].value)
        taken = self.machine.trylock(lock)
        if taken:
            self._locked(lock)
        return Known(int(taken), _NOTHING)

    def _is_locked(self, call: Call, arguments: list[Known]) -> Known:
        return Known(int(self.machine.is_locked(self.locations.lock(call, arguments[0].value))), _NOTHING)

    def _rcu_lock(self, call: Call, arguments: list[Known]) -> Known:
        self.machine.rcu_lock()
        return _NO_VALUE

    def _rcu_unlock(self, call: Call, arguments: list[Known]) -> Known:
        self.machine.rcu_unlock()
        return _NO_VALUE

    def _grace_period(self, call: Call, arguments: list[Known]) -> Known:
        self.machine.grace_period()
        return _NO_VALUE


def _wrapped(value: Value) -> Value:
    """A number as 64 bits have it."""
    return (value + 2**63) % 2**64 - 2**63 if isinstance(value, int) else value


_NO_VALUE = Known(0, _NOTHING)

_ACTIONS: dict[str, Callable[[Running, Call, list[Known]], Known]] = {
    "load": Running._load,
    "store": Running._store,
    "rmw": Running._rmw,
    "fence": Running._fence,
    "lock": Running._lock,
    "unlock": Running._unlock,
    "trylock": Running._trylock,
    "is_locked": Running._is_locked,
    "rcu_lock": Running._rcu_lock,
    "rcu_unlock": Running._rcu_unlock,
    "gp": Running._grace_period,
}

_UNARY: dict[str, Callable[[Any], Value]] = {
    "-": lambda value: -value,
    "~": lambda value: ~value,
    "!": lambda value: int(not value),
}
_BINARY: dict[str, Callable[[Any, Any], Value]] = {
    "||": lambda left, right: int(bool(left) or bool(right)),
    "&&": lambda left, right: int(bool(left) and bool(right)),
    "|": lambda left, right: left | right,
    "^": lambda left, right: left ^ right,
    "&": lambda left, right: left & right,
    "&~": lambda left, right: left & ~right,
    "==": lambda left, right: int(left == right),
    "!=": lambda left, right: int(left != right),
    "<": lambda left, right: int(left < right),
    ">": lambda left, right: int(left > right),
    "<=": lambda left, right: int(left <= right),
    ">=": lambda left, right: int(left >= right),
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
}

Change = Callable[..., Any]

_CHANGES: dict[str, Change] = {
    "xchg": lambda _, new: new,
    "cmpxchg": lambda old, expected, new: new if old == expected else KEEP,
}


def _result(primitive: Primitive, old: Any, wrote: bool, change: Change, values: list[Value]) -> Value:
    """What an atomic change returns."""
    if primitive.result == "written":
        return int(wrote)
    if primitive.result in (None, "old"):
        found: Value = old
        return found
    new = change(old, *values)
    if primitive.result == "zero":
        return int(new == 0)
    if primitive.result == "negative":
        return int(new < 0)
    result: Value = new
    return result
