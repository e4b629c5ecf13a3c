"""What each operation may change, must leave behind, and must refuse.

`follow` brings the world to what the target reports. Every entry that changed must be a change that the
operation may make, in the range and the processes that it may make it in; then the operation's own promises
are asked. Refusals are asked for both ways: done although something else refers to the folio, and, on a
target that refuses only for reasons that the model can see, refused although nothing does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmfuzz.model.rules.permits import NOTHING
from mmfuzz.model.rules.userfault import Userfault
from mmfuzz.observation import Report
from mmfuzz.ops import FAILURES, NAMES, Fail, Operation


class Oracle(Userfault):
    """Follows a target's reports with a `World`, and raises a `Violation` where one must not happen."""

    def _fail(self, op: Fail, report: Report) -> None:
        """The next operation may meet a failure; nothing else has changed."""
        self._elsewhere(op, report, NOTHING, splits=False, relocates=False)
        self.world.armed = FAILURES[op.point]

    def follow(self, op: Operation, report: Report) -> None:
        """Bring the world to what `report` says that `op` did."""
        world = self.world
        world.steps += 1
        world.affected.clear()
        self.freed.clear()
        kind = type(op)
        if report.error:
            self._error(op, report.error)
        if report.written:
            self._stored(report)
        _FOLLOW[kind](self, op, report)
        if world.armed and kind is not Fail:
            world.armed = ""
        for slot in world.loose:
            world.release_slot(slot)
        world.loose.clear()
        for folio in world.affected:
            if not folio.is_owned:
                world.forget(folio)
                self.freed.append(folio)
        for folio in self.freed:
            world.affected.pop(folio, None)
        if world.device_frames or report.given_back:
            self._hear(report)
        if world.dax_frames or report.woken:
            self._wake(report)


_FOLLOW: dict[type[Operation], Callable[[Oracle, Any, Report], None]] = {
    kind: getattr(Oracle, f"_{name}") for kind, name in NAMES.items()
}
"""The rule of each kind, named after it."""
