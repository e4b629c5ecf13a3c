"""The small universe that operations are drawn from, and how one integer names one of them.

Each kind of operation has a fixed list of arguments, the simplest first, so that a single integer draws
one and shrinking the integer simplifies it. What does not apply when its turn comes is skipped: drawing from
a fixed universe shrinks far better than drawing among what is enabled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from mmfuzz.ops import (
    AS_WRITTEN,
    BASE,
    CLEAN,
    DIRTY,
    DIRTY_LOCK,
    FAILURES,
    FILES,
    HUGE,
    MTHP_ORDERS,
    OPERATIONS,
    WHOLE,
    Operation,
)

COUNTS = (1, 2, 4)
"""Lengths of ranges that are drawn, beside the whole area: enough to reach part of every folio order."""


@dataclasses.dataclass(frozen=True)
class Universe:
    """How many processes, areas, pages of an area and handles there are to choose from."""

    processes: int = 4
    areas: int = 2
    pages: int = 8
    handles: int = 3
    huge_order: int = 3
    """PMD order of the target: mTHP orders stay below it."""

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """(page, count) of every range, single pages first and the whole area last."""
        ranges = [
            (page, count) for count in COUNTS if count <= self.pages for page in range(self.pages - count + 1)
        ]
        return (*ranges, (0, WHOLE))

    @cached_property
    def orders(self) -> tuple[int, ...]:
        """Order policies, base pages first."""
        return (BASE, HUGE, *(order for order in MTHP_ORDERS if order < self.huge_order))

    def choices(self, kind: type[Operation]) -> list[tuple[tuple[str, ...], Sequence[Any]]]:
        """The fields of a kind with the values of each; a range's page and count are chosen as one."""
        names = [field.name for field in dataclasses.fields(kind)]
        values: dict[str, Sequence[Any]] = {
            "process": range(self.processes),
            "child": range(self.processes),
            "area": range(self.areas),
            "page": range(self.pages),
            "handle": range(self.handles),
            "order": self.orders,
            "write": (False, True),
            "shared": (False, True),
            "file": range(len(FILES)),
            "size": range(self.pages + 1),
            "dirty": (AS_WRITTEN, CLEAN, DIRTY, DIRTY_LOCK),
            "point": range(len(FAILURES)),
            "to_area": range(self.areas),
            "to_page": range(self.pages),
        }
        fields: list[tuple[tuple[str, ...], Sequence[Any]]] = []
        for name in names:
            if name == "page" and "count" in names:
                fields.append((("page", "count"), self.spans))
            elif name != "count":
                fields.append(((name,), values[name]))
        return fields

    def size(self, kind: type[Operation]) -> int:
        """How many operations of a kind there are."""
        size = 1
        for _, values in self.choices(kind):
            size *= len(values)
        return size

    def decode(self, kind: type[Operation], number: int) -> Operation:
        """Operation `number` of a kind, from 0 to `size(kind) - 1`; smaller numbers are simpler."""
        arguments: dict[str, Any] = {}
        for names, values in self.choices(kind):
            number, index = divmod(number, len(values))
            value = values[index]
            arguments.update(zip(names, value if len(names) > 1 else (value,), strict=True))
        return kind(**arguments)

    def everything(self) -> list[Operation]:
        """Every operation of the universe, kind by kind."""
        return [self.decode(kind, number) for kind in OPERATIONS for number in range(self.size(kind))]
