"""The simulated kernel as the target of a race: one after the other until threads begin, and then all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmfuzz import ops
from mmfuzz.interleave.machine import Failed
from mmfuzz.interleave.waiting import Processors
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.observation import KernelBug, Report
from mmfuzz.ops import Operation
from mmfuzz.race.kernel import Concurrent
from mmfuzz.targets.sim import Sim, perform


@dataclass(frozen=True, slots=True)
class Taken:
    """What a handle was taken by: the process and the first of its pages."""

    process: int
    area: int
    first: int
    pinned: bool
    write: bool


class RacingSim(Sim):
    """A simulated kernel of any era, with a planted bug if one is named, whose threads are a scheduler's."""

    kernel: Concurrent

    def dressed(self, kernel: type[Kernel]) -> type[Kernel]:
        """The same, on the primitives of a machine with threads."""
        return _on_threads(kernel)

    def reset(self) -> None:
        """A new machine."""
        super().reset()
        self.taken: dict[int, Taken] = {}
        self.step = 0
        self.fresh = True

    @property
    def profile(self) -> Any:
        """The rules of its era."""
        return self._profile

    def prepare(self, operations: tuple[Operation, ...]) -> None:
        """Do a set-up that is known to apply."""
        if not self.fresh:
            self.reset()
        self.fresh = False
        for op in operations:
            self.do(op)

    def begin(self, machine: Processors | None) -> None:
        """Threads begin, or with None have ended."""
        self.kernel.stage.machine = machine

    def do(self, op: Operation) -> str:
        """Do one operation on the running thread; why not, where it does not apply any more."""
        reason = self.why_not(op)
        if reason:
            return reason
        self.step += 1
        report = Report()
        try:
            perform(self, op, self.step, report)
        except KernelBug as bug:
            raise Failed(bug.property, str(bug)) from bug
        except (LookupError, AttributeError, AssertionError, TypeError, RecursionError) as error:
            raise Failed("assertion", f"Oops: {error!r}") from error
        if not report.error:
            self._note(op)
        return report.error

    def _note(self, op: Operation) -> None:
        if isinstance(op, (ops.Pin, ops.Get)):
            pinned = isinstance(op, ops.Pin)
            self.taken[op.handle] = Taken(op.process, op.area, op.page, pinned, bool(op.write))
        elif isinstance(op, ops.Dup):
            old = self.taken[op.handle]
            self.taken[op.new] = Taken(old.process, old.area, old.first, False, old.write)

    def why_not(self, op: Operation) -> str:
        """Why an operation cannot be asked for now, as another thread has taken away what it is about."""
        kernel = self.kernel
        process = getattr(op, "process", None)
        if process is not None and process not in kernel.mms:
            return f"p{process} is gone"
        if isinstance(op, ops.Fork) and op.child in kernel.mms:
            return f"p{op.child} is there"
        handle = getattr(op, "handle", None)
        if isinstance(op, (ops.Pin, ops.Get)):
            if handle in kernel.handles:
                return f"h{handle} is taken"
        elif handle is not None and handle not in kernel.handles:
            return f"h{handle} is released"
        area = getattr(op, "area", None)
        if area is None or process is None:
            return ""
        vma = kernel.mms[process].vmas.get(area)
        if isinstance(op, (ops.Alloc, ops.Map)):
            return f"a{area} is there" if vma is not None else ""
        if vma is None:
            return f"a{area} is gone"
        page, count = getattr(op, "page", 0), getattr(op, "count", 1)
        span = range(page, page + count) if count else range(kernel.nr_huge)
        return "" if all(vma.present[at] for at in span) else f"a{area} is unmapped there"


_CLASSES: dict[type[Kernel], type[Kernel]] = {}
"""Each kernel that was ever put on threads: machines are many, classes of them few."""


def _on_threads(kernel: type[Kernel]) -> type[Kernel]:
    found = _CLASSES.get(kernel)
    if found is None:
        found = _CLASSES[kernel] = type(f"{kernel.__name__} on threads", (Concurrent, kernel), {})
    return found
