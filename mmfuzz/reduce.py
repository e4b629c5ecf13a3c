"""Making a program minimal: the fewest operations, then the smallest numbers, that still fail.

A reducer over operations, not over the choices that made them. It drops chunks, halving their size down to
one operation and then pairs; renames processes, areas and handles downwards and shifts pages, in all
operations at once; makes each number of each operation as small as it goes; and swaps neighbours into the
order of the vocabulary. All of it is repeated until nothing helps, so that different programs that show the same
failure mostly end as the same one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mmfuzz.ops import HUGE, MTHP_ORDERS, OPERATIONS, WHOLE, Operation

Program = tuple[Operation, ...]
Fails = Callable[[Program], bool]

RUNS_MAX = 20_000
"""Executions at most; a reduction takes some hundreds."""

_RENAMED = {"process": "process", "child": "process", "area": "area", "handle": "handle", "page": "page"}
"""Fields whose numbers are names: the same number in every operation means the same thing."""

_RANK = {kind: rank for rank, kind in enumerate(OPERATIONS)}


def reduce(ops: Sequence[Operation], fails: Fails, *, runs_max: int = RUNS_MAX) -> Program:
    """The smallest program found that still `fails`; `ops` itself must fail.

    `fails` runs a program from the start and tells whether the same property failed. It is called at most
    `runs_max` times, never twice with the same program.
    """
    return _Reducer(tuple(ops), fails, runs_max).reduce()


class _Reducer:
    def __init__(self, ops: Program, fails: Fails, runs_max: int) -> None:
        self._best = ops
        self._fails = fails
        self._left = runs_max
        self._tried: set[Program] = {ops}

    def reduce(self) -> Program:
        passes = (self._chunks, self._pairs, self._rename, self._numbers, self._order)
        while True:
            before = self._best
            for one in passes:
                one()
            if self._best == before or self._left <= 0:
                return self._best

    def _try(self, candidate: Program) -> bool:
        if candidate in self._tried or self._left <= 0:
            return False
        self._tried.add(candidate)
        self._left -= 1
        if not self._fails(candidate):
            return False
        self._best = candidate
        return True

    def _chunks(self) -> None:
        """Leave out runs of operations, the last ones first: what follows the failure goes at once."""
        size = max(1, len(self._best) // 2)
        while True:
            at = len(self._best) - size
            while at > -size:
                start = max(at, 0)
                self._try(self._best[:start] + self._best[start + size :])
                at = min(at, len(self._best)) - size
            if size == 1:
                return
            size //= 2

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

    def _rename(self) -> None:
        for meaning in ("process", "area", "handle", "page"):
            names = sorted(_names(self._best, meaning))
            for name in names:
                for smaller in range(name):
                    if self._try(_swap_names(self._best, meaning, name, smaller)):
                        break

    def _numbers(self) -> None:
        for index in range(len(self._best)):
            for field in dataclasses.fields(self._best[index]):
                for value in _smaller(field.name, getattr(self._best[index], field.name)):
                    changed = _replace(self._best[index], field.name, value)
                    if changed and self._try(self._best[:index] + (changed,) + self._best[index + 1 :]):
                        break

    def _order(self) -> None:
        """Neighbours that may change places go in the order of the vocabulary, then of their numbers."""
        for end in range(len(self._best) - 1, 0, -1):
            for index in range(end):
                left, right = self._best[index : index + 2]
                if _key(right) < _key(left):
                    self._try(self._best[:index] + (right, left) + self._best[index + 2 :])


def _key(op: Operation) -> tuple[int, ...]:
    return (_RANK[type(op)], *(int(getattr(op, field.name)) for field in dataclasses.fields(op)))


def _names(ops: Program, meaning: str) -> set[int]:
    return {
        getattr(op, field.name)
        for op in ops
        for field in dataclasses.fields(op)
        if _RENAMED.get(field.name) == meaning
    }


def _swap_names(ops: Program, meaning: str, one: int, other: int) -> Program:
    """Every operation with two names exchanged; a WHOLE range has no page to rename."""
    swap = {one: other, other: one}
    renamed = []
    for op in ops:
        changes = {
            field.name: swap.get(getattr(op, field.name), getattr(op, field.name))
            for field in dataclasses.fields(op)
            if _RENAMED.get(field.name) == meaning
        }
        if meaning == "page" and getattr(op, "count", 1) == WHOLE:
            changes = {}
        renamed.append(dataclasses.replace(op, **changes) if changes else op)
    return tuple(renamed)


def _smaller(field: str, value: int) -> Iterator[Any]:
    """Simpler values of a field, the simplest first."""
    if field == "write":
        yield from ([False] if value else [])
    elif field == "count":
        yield from range(1, value) if value != WHOLE else range(1, 9)
    elif field == "order":
        yield from (order for order in (0, *MTHP_ORDERS, HUGE) if order < value)
    else:
        yield from range(value)


def _replace(op: Operation, field: str, value: Any) -> Operation | None:
    if field == "count" and getattr(op, "count") == WHOLE:
        return dataclasses.replace(op, **{"count": value})
    return dataclasses.replace(op, **{field: value})
