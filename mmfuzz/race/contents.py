"""What threads wrote where: a value names the step that wrote it, so a reader can be told what he must not see.

What is read at an address was written there, or nothing was. And at the end an address holds what was written last; of
writes that were under way at the same time, any may be that.
"""

from __future__ import annotations

from mmfuzz import ops
from mmfuzz.interleave.machine import Failed
from mmfuzz.observation import Report, stamp
from mmfuzz.ops import Operation

Where = tuple[int, int, int]
"""(process, area, page)."""

NOTHING = frozenset({0})
"""What an address holds that nobody has written to."""


class Contents:
    """The values of one execution. Those of a child are known where it was forked before the threads began."""

    def __init__(self) -> None:
        self._written: dict[int, tuple[int, int]] = {}
        """Value to (area, page)."""
        self.last: dict[Where, frozenset[int]] = {}
        """What an address may hold: values that no write has followed which began when they were there."""
        self.known = True
        """No device has written, which nobody orders with what processes do."""

    def begin(self, op: Operation, step: int, pages: range) -> list[frozenset[int]]:
        """A write is about to begin: what its addresses may hold before it."""
        if not (isinstance(op, ops.Fault) and op.write):
            return []
        for index, page in enumerate(pages):
            self._written[stamp(step, index)] = op.area, page
        return [self.last.get((op.process, op.area, page), NOTHING) for page in pages]

    def wrote(self, op: Operation, step: int, before: list[frozenset[int]], done: int) -> None:
        """It has ended, after `done` pages: what was there when it began is not there any more."""
        if isinstance(op, ops.Fault):
            for index, old in enumerate(before[:done]):
                where = op.process, op.area, op.page + index
                self.last[where] = (self.last.get(where, old) - old) | {stamp(step, index)}

    def forked(self, op: ops.Fork, dropped: set[tuple[int, int]]) -> None:
        """A child holds what its parent does, but for areas of which nobody keeps account."""
        for (process, area, page), held in list(self.last.items()):
            if process == op.process and (process, area) not in dropped:
                self.last[op.child, area, page] = held

    def forget(self, op: Operation) -> None:
        """What an address holds is not known any more: a process is gone, pages have moved, a device has written."""
        if isinstance(op, ops.Dma) and op.write:
            self.known = False
        elif isinstance(op, ops.Exit):
            self.last = {where: held for where, held in self.last.items() if where[0] != op.process}

    def check_read(self, area: int, first: int, report: Report) -> None:
        """What was read in an area, from a page on."""
        for index, value in enumerate(report.values):
            where = self._written.get(value) if value else None
            if where is not None and where != (area, first + index):
                raise Failed(
                    "contents",
                    f"a{area}.{first + index} was read, and what was there had been written to a{where[0]}.{where[1]}",
                )
