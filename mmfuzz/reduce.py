"""Making a program minimal: the fewest operations, then the simplest kinds, then the smallest numbers.

A reducer over operations, not over the choices that made them. All programs stand in one order: by length,
then by the kinds of their operations in the order of the vocabulary, then by pages and numbers. A candidate is
taken only when it fails and stands lower, so that reduction always ends, and different programs that show
the same failure mostly end as the same one. Candidates leave out chunks, halving their size down to one
operation and then pairs; let a child's part be played by its parent; rename; put a simpler operation in an
operation's place, with another one left out if need be; make numbers smaller; and swap neighbours.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mmfuzz.ops import (
    AREAS_MAX,
    AS_WRITTEN,
    BASE,
    FAILURES,
    FAMILIES,
    FILES,
    HANDLES_MAX,
    HUGE,
    MTHP_ORDERS,
    OPERATIONS,
    PROCESSES_MAX,
    WHOLE,
    Exit,
    Fork,
    Operation,
    Truncate,
)

Program = tuple[Operation, ...]
Fails = Callable[[Program], bool]

RUNS_MAX = 60_000
"""Executions at most; most reductions take some hundreds to a few thousand."""

TRADE_MAX = 12
"""Operations of a program at most for which every trade of two operations for one is tried."""

EXCHANGE_MAX = 4
"""Operations of a program at most for which pairs of operations are exchanged for others."""

STRETCH_MAX = 4
"""Pages to which a range is stretched at most."""

_MEANINGS = {
    "process": "process",
    "child": "process",
    "area": "area",
    "to_area": "area",
    "handle": "handle",
    "page": "page",
    "to_page": "page",
}
"""Fields whose numbers are names: the same number in every operation means the same thing."""

_SLOTS = {"process": PROCESSES_MAX, "area": AREAS_MAX, "handle": HANDLES_MAX}

_RANK = {kind: rank for rank, kind in enumerate(OPERATIONS)}
_FIELDS = {kind: tuple(field.name for field in dataclasses.fields(kind)) for kind in OPERATIONS}

_LARGEST = 1 << 20
"""What a `WHOLE` count is worth: more than any number."""


def reduce(ops: Sequence[Operation], fails: Fails, *, runs_max: int = RUNS_MAX) -> Program:
    """The smallest program found that still `fails`; `ops` itself must fail.

    `fails` runs a program from the start and tells whether the same property failed. It is called at most
    `runs_max` times, never twice with the same program.
    """
    return _Reducer(tuple(ops), fails, runs_max).reduce()


def size(ops: Sequence[Operation]) -> tuple[Any, ...]:
    """The place of a program in the order of all programs: the smaller, the simpler."""
    numbers = tuple(_number(name, getattr(op, name)) for op in ops for name in _FIELDS[type(op)])
    pages = sum(_number("count", _count(op)) for op in ops)
    return len(ops), tuple(_RANK[type(op)] for op in ops), pages, sum(numbers), numbers


def _number(field: str, value: int) -> int:
    return _LARGEST if field == "count" and value == WHOLE else int(value)


class _Reducer:
    def __init__(self, ops: Program, fails: Fails, runs_max: int) -> None:
        self._best = ops
        self._size = size(ops)
        self._fails = fails
        self._left = runs_max
        self._tried: set[Program] = {ops}

    def reduce(self) -> Program:
        quick = (self._chunks, self._pairs, self._merge, self._rename, self._numbers, self._order)
        slow = (self._join, self._stretch, self._hoist, self._trade, self._substitute, self._exchange)
        while True:
            while self._improves(quick):
                pass
            if not self._improves(slow):
                return self._best

    def _improves(self, passes: Iterable[Callable[[], None]]) -> bool:
        """Go through some passes; whether they helped, and it is worth going on."""
        before = self._best
        for one in passes:
            one()
        return self._best != before and self._left > 0

    def _try(self, candidate: Program) -> bool:
        if candidate in self._tried or self._left <= 0:
            return False
        at = size(candidate)
        if at >= self._size:
            return False
        self._tried.add(candidate)
        self._left -= 1
        if not self._fails(candidate):
            return False
        self._best, self._size = candidate, at
        return True

    def _chunks(self) -> None:
        """Leave out runs of operations, the last ones first: what follows the failure goes at once."""
        length = max(1, len(self._best) // 2)
        while True:
            at = len(self._best) - length
            while at > -length:
                start = max(at, 0)
                self._try(self._best[:start] + self._best[start + length :])
                at = min(at, len(self._best)) - length
            if length == 1:
                return
            length //= 2

    def _pairs(self) -> None:
        """Leave out two operations that need each other, such as a pin and its unpin."""
        first = 0
        while first < len(self._best):
            for second in range(first + 1, len(self._best)):
                best = self._best
                if self._try(best[:first] + best[first + 1 : second] + best[second + 1 :]):
                    break
            else:
                first += 1

    def _merge(self) -> None:
        """Leave out a fork, and let the parent do what the child did."""
        while any(self._try(merged) for merged in _merged(self._best)):
            pass

    def _rename(self) -> None:
        """Lower names, in all operations at once: exchange two, or let one stand for both."""
        for meaning in ("process", "area", "handle", "page"):
            for name in sorted(_names(self._best, meaning)):
                for smaller in range(name):
                    exchanged = _renamed(self._best, meaning, {name: smaller, smaller: name})
                    if self._try(exchanged) or self._try(_renamed(self._best, meaning, {name: smaller})):
                        break

    def _numbers(self) -> None:
        """Lower each number of each operation as far as it goes; a shorter range may keep its end."""
        for index in range(len(self._best)):
            for name in _FIELDS[type(self._best[index])]:
                for changed in _smaller(self._best[index], name):
                    if self._put(index, changed):
                        break

    def _put(self, index: int, op: Operation) -> bool:
        return self._try((*self._best[:index], op, *self._best[index + 1 :]))

    def _order(self) -> None:
        """Swap neighbours that may change places."""
        for end in range(len(self._best) - 1, 0, -1):
            for index in range(end):
                left, right = self._best[index : index + 2]
                self._try((*self._best[:index], right, left, *self._best[index + 2 :]))

    def _substitute(self) -> None:
        """Put a simpler operation in an operation's place."""
        for index in range(len(self._best)):
            for op in _others(self._best, self._best[index]):
                if self._put(index, op):
                    break

    def _trade(self) -> None:
        """Leave one operation or process out, and put another operation in a second one's place."""
        best = self._best
        if len(best) > TRADE_MAX:
            return
        shorter = [best[:index] + best[index + 1 :] for index in range(len(best) - 1, -1, -1)]
        for choices in (_others, _kin) if len(best) > EXCHANGE_MAX else (_others,):
            for rest in (*_merged(best), *shorter):
                for index, replaced in enumerate(rest):
                    for op in choices(best, replaced):
                        if self._try((*rest[:index], op, *rest[index + 1 :])):
                            return

    def _join(self) -> None:
        """Put one range in the place of two operations of a kind, with two pages exchanged if need be."""
        for ops in _laid_out(self._best):
            for first, second in itertools.combinations(range(len(ops)), 2):
                for candidate in _joined(ops, first, second):
                    if self._try(candidate):
                        return

    def _stretch(self) -> None:
        """Leave one operation out, and let a range reach further, with two pages exchanged if need be."""
        for ops in _laid_out(self._best):
            for left_out in range(len(ops)):
                rest = ops[:left_out] + ops[left_out + 1 :]
                for index, op in enumerate(rest):
                    for count in range(_count(op) + 1, STRETCH_MAX + 1) if hasattr(op, "count") else ():
                        if self._try((*rest[:index], _with(op, count=count), *rest[index + 1 :])):
                            return

    def _hoist(self) -> None:
        """Leave one operation out, and let the parent do before a fork what its child did after it."""
        for hoisted in _hoisted(self._best):
            for left_out in range(len(hoisted)):
                if self._try(hoisted[:left_out] + hoisted[left_out + 1 :]):
                    return

    def _exchange(self) -> None:
        """In a short program, put an operation that is no less simple in one's place, and any in a later one's."""
        best = self._best
        if len(best) > EXCHANGE_MAX:
            return
        kinds = _kinds_beside(best)
        for first, second in itertools.combinations(range(len(best)), 2):
            between, after = best[first + 1 : second], best[second + 1 :]
            for simpler in _others(best, best[first], kinds):
                if _RANK[type(simpler)] > _RANK[type(best[first])]:
                    break
                for op in _others(best, best[second], kinds):
                    if self._try((*best[:first], simpler, *between, op, *after)):
                        return


def _merged(ops: Program) -> Iterator[Program]:
    """The program without one of its forks and without the child, or else the parent, that it tells apart."""
    for index, op in enumerate(ops):
        if type(op) is Fork:
            after = ops[index + 1 :]
            yield ops[:index] + _renamed(after, "process", {op.child: op.process})
            if Exit(op.process) in after:
                end = after.index(Exit(op.process))
                swapped = {op.child: op.process, op.process: op.child}
                yield ops[:index] + _renamed(after[:end] + after[end + 1 :], "process", swapped)


def _hoisted(ops: Program) -> Iterator[Program]:
    """The program with something that a child does done by its parent before the fork, with parts changed or not."""
    for index, fork in enumerate(ops):
        if type(fork) is not Fork:
            continue
        roles = {fork.process: fork.child, fork.child: fork.process}
        for later in range(index + 1, len(ops)):
            op = ops[later]
            if getattr(op, "process", None) != fork.child:
                continue
            rest = ops[index + 1 : later] + ops[later + 1 :]
            moved = _with(op, process=fork.process)
            for early in (
                dict.fromkeys((moved, _with(moved, write=True))) if hasattr(op, "write") else (moved,)
            ):
                for after in (rest, _renamed(rest, "process", roles)):
                    yield (*ops[:index], early, fork, *after)


def _laid_out(ops: Program) -> Iterator[Program]:
    """The program, and then with each two of its pages exchanged."""
    yield ops
    for one, other in itertools.combinations(sorted(_names(ops, "page")), 2):
        yield _renamed(ops, "page", {one: other, other: one})


def _joined(ops: Program, first: int, second: int) -> Iterator[Program]:
    """The program with two ranged operations of a kind as one that covers both, in either's place."""
    one, other = ops[first], ops[second]
    if type(one) is not type(other) or not hasattr(one, "count"):
        return
    start = min(_page(one), _page(other))
    end = max(_page(one) + _count(one), _page(other) + _count(other))
    for op in (one, other):
        joined = _with(op, page=start, count=end - start)
        yield (*ops[:first], joined, *ops[first + 1 : second], *ops[second + 1 :])
        yield (*ops[:first], *ops[first + 1 : second], joined, *ops[second + 1 :])


def _page(op: Operation) -> int:
    return int(getattr(op, "page", 0))


def _count(op: Operation) -> int:
    return int(getattr(op, "count", 1))


def _with(op: Operation, **changes: Any) -> Operation:
    return dataclasses.replace(op, **changes)


def _names(ops: Program, meaning: str) -> set[int]:
    return {getattr(op, name) for op in ops for name in _FIELDS[type(op)] if _MEANINGS.get(name) == meaning}


def _renamed(ops: Program, meaning: str, names: dict[int, int]) -> Program:
    """Every operation with other names; a `WHOLE` range has no page to rename."""
    renamed = []
    for op in ops:
        changes = {
            name: names.get(getattr(op, name), getattr(op, name))
            for name in _FIELDS[type(op)]
            if _MEANINGS.get(name) == meaning
        }
        if meaning == "page" and _count(op) == WHOLE:
            changes = {}
        renamed.append(_with(op, **changes) if changes else op)
    return tuple(renamed)


def _smaller(op: Operation, field: str) -> Iterator[Operation]:
    """The operation with simpler values of a field, the simplest first."""
    value = getattr(op, field)
    if field == "count":
        whole = value == WHOLE
        last = _page(op) + value
        for count in range(1, 9 if whole else value):
            yield _with(op, count=count)
            if not whole:
                yield _with(op, count=count, page=last - count)
    elif field == "order":
        for order in (BASE, *MTHP_ORDERS, HUGE):
            if order < value:
                yield _with(op, order=order)
    else:
        for smaller in range(value):
            yield _with(op, **{field: type(value)(smaller)})


def _others(
    ops: Program, op: Operation, kinds: Sequence[type[Operation]] = OPERATIONS
) -> Iterator[Operation]:
    """What could stand in an operation's place: every kind, at its own place or where `ops` goes."""
    values = _values(ops, 1)
    values["page"] = [_page(op)] if hasattr(op, "page") else sorted({0, *_names(ops, "page")})
    values["count"] = sorted({1, 2, _count(op)})
    for name in ("process", "area"):
        if hasattr(op, name):
            values[name] = [getattr(op, name)]
    for kind in kinds:
        yield from _made(kind, values)


def _kinds_beside(ops: Program) -> list[type[Operation]]:
    """The first family, and every other that a program has anything of: pairs of all kinds would be too many to try."""
    kinds = {type(op) for op in ops}
    first, *others = FAMILIES.values()
    fitting = {*first, *(kind for family in others if kinds.intersection(family) for kind in family)}
    return [kind for kind in OPERATIONS if kind in fitting]


def _kin(ops: Program, op: Operation) -> Iterator[Operation]:
    """The same kind of operation, anywhere that `ops` goes."""
    return _made(type(op), _values(ops, 0))


def _values(ops: Program, unused: int) -> dict[str, Sequence[Any]]:
    """Arguments for each field: the names in use, the first few that are not, a few sizes, and else what is there."""
    values: dict[str, Sequence[Any]] = {
        meaning: _used(ops, meaning, _SLOTS[meaning], unused) for meaning in ("process", "area", "handle")
    }
    values["child"] = values["process"]
    values["to_area"] = values["area"]
    values["page"] = values["to_page"] = sorted(_names(ops, "page"))
    values["count"] = [1, 2, 4]
    values["write"] = [False, True]
    values["point"] = range(len(FAILURES))
    values["order"] = [BASE, MTHP_ORDERS[0], HUGE]
    values["shared"] = [False, True]
    values["file"] = range(len(FILES))
    values["size"] = sorted({0, 1} | {op.size for op in ops if type(op) is Truncate})
    values["dirty"] = [AS_WRITTEN]
    for name in {name for kind in OPERATIONS for name in _FIELDS[kind]} - values.keys():
        values[name] = sorted({getattr(op, name) for op in ops if hasattr(op, name)})
    return values


def _made(kind: type[Operation], values: dict[str, Sequence[Any]]) -> Iterator[Operation]:
    for arguments in itertools.product(*(values[name] for name in _FIELDS[kind])):
        yield kind(*arguments)


def _used(ops: Program, meaning: str, slots: int, unused: int) -> list[int]:
    """The names in use, and the first `unused` ones that are not."""
    used = _names(ops, meaning)
    return sorted(used | set(itertools.islice((name for name in range(slots) if name not in used), unused)))
