"""The simulated kernel as the target of a race: one after the other until threads begin, and then all at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mmfuzz import ops
from mmfuzz.interleave.machine import Failed
from mmfuzz.interleave.waiting import Processors
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import AnonVma
from mmfuzz.observation import KernelBug, Report
from mmfuzz.ops import Operation
from mmfuzz.race.contents import Contents
from mmfuzz.race.kernel import Concurrent
from mmfuzz.targets.sim import Sim, perform

TAKES = (ops.Pin, ops.Get, ops.PinFast, ops.GetFast)
"""Operations that keep references under a fresh handle."""

DROPS = (ops.Dontneed, ops.Unmap, ops.Free)
"""Operations by which a process itself gives up what it has at an address."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a handle was taken by: the process and the first of its pages."""

    process: int
    area: int
    first: int
    pinned: bool
    write: bool
    anon_vma: AnonVma | None
    """The family of areas that its pages are of, if they are anonymous memory."""


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
        self.dropped: set[tuple[int, int]] = set()
        """(process, area) where a process has unmapped or emptied something."""
        self._under_way: list[Operation] = []
        self.contents = Contents()
        self.step = 0

    @property
    def profile(self) -> Any:
        """The rules of its era."""
        return self._profile

    def prepare(self, operations: tuple[Operation, ...]) -> None:
        """Begin anew with a set-up that is known to apply."""
        self.reset()
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
        step, report = self.step, Report()
        self._under_way.append(op)
        if isinstance(op, DROPS):
            self.dropped.add((op.process, op.area))
        if isinstance(op, ops.Move):
            self.dropped.update(((op.process, op.area), (op.process, op.to_area)))
        self.contents.forget(op)
        before = self.contents.begin(
            op, step, self._span(op.page, op.count) if isinstance(op, ops.Fault) else range(0)
        )
        try:
            perform(self, op, step, report)
        except KernelBug as bug:
            raise Failed(bug.property, str(bug)) from bug
        except (LookupError, AttributeError, AssertionError, TypeError, RecursionError) as error:
            raise Failed("assertion", f"Oops: {error!r}") from error
        self._under_way.remove(op)
        self._check_contents(op, step, before, report)
        if not report.error:
            self._note(op)
        return report.error

    def _check_contents(self, op: Operation, step: int, before: list[frozenset[int]], report: Report) -> None:
        """What it read is what may be there; what it wrote is there from now on."""
        contents = self.contents
        contents.wrote(op, step, before, report.done if report.error else len(before))
        if isinstance(op, ops.Fork) and self.kernel.stage.machine is None:
            contents.forked(op, self.dropped)
        elif isinstance(op, ops.Fault) and not op.write:
            contents.check_read(op.area, op.page, report)
        elif isinstance(op, ops.Put):
            taken = self.taken.get(op.handle)
            if taken is not None and taken.anon_vma is not None:
                contents.check_read(taken.area, taken.first, report)

    def _note(self, op: Operation) -> None:
        if isinstance(op, TAKES):
            pinned = isinstance(op, (ops.Pin, ops.PinFast))
            mm = self.kernel.mms.get(op.process)
            vma = mm.vmas.get(op.area) if mm is not None else None
            anon_vma = vma.anon_vma if vma is not None else None
            self.taken[op.handle] = Taken(op.process, op.area, op.page, pinned, bool(op.write), anon_vma)
        elif isinstance(op, ops.Dup):
            old = self.taken[op.handle]
            self.taken[op.new] = replace(old, pinned=False)

    def why_not(self, op: Operation) -> str:
        """Why an operation cannot be asked for now, as another thread has taken away what it is about, or is at it.

        A process and its driver see to that much: nobody exits under a system call of his own, and a handle is
        released once.
        """
        return self._why_not_process(op) or self._why_not_handle(op) or self._why_not_area(op)

    def _why_not_process(self, op: Operation) -> str:
        mms = self.kernel.mms
        process = getattr(op, "process", None)
        if process is None:
            return ""
        if process not in mms or any(_exits(other, process) for other in self._under_way):
            return f"p{process} is gone"
        if isinstance(op, ops.Exit) and any(_is_in(other, process) for other in self._under_way):
            return f"p{process} is in a system call"
        if isinstance(op, ops.Fork) and (
            op.child in mms or any(_is_in(other, op.child) for other in self._under_way)
        ):
            return f"p{op.child} is there"
        return ""

    def _why_not_handle(self, op: Operation) -> str:
        handles = self.kernel.handles
        mine = _handles(op)
        for other in self._under_way:
            for handle in mine & _handles(other):
                return f"h{handle} is in use"
        for handle in mine:
            fresh = isinstance(op, TAKES) or (isinstance(op, ops.Dup) and handle == op.new)
            if fresh == (handle in handles):
                return f"h{handle} is {'taken' if fresh else 'released'}"
        return ""

    def _why_not_area(self, op: Operation) -> str:
        process, area = getattr(op, "process", None), getattr(op, "area", None)
        if area is None or process is None:
            return ""
        vma = self.kernel.mms[process].vmas.get(area)
        if isinstance(op, (ops.Alloc, ops.Map)):
            return f"a{area} is there" if vma is not None else ""
        if vma is None:
            return f"a{area} is gone"
        page, count = getattr(op, "page", 0), getattr(op, "count", 1)
        span = range(page, page + count) if count else range(self.kernel.nr_huge)
        return "" if all(vma.present[at] for at in span) else f"a{area} is unmapped there"


def _handles(op: Operation) -> set[int]:
    """Handles that an operation is about."""
    return {number for name in ("handle", "new") if (number := getattr(op, name, None)) is not None}


def _is_in(op: Operation, process: int) -> bool:
    """Whether an operation is a system call of a process, or makes it."""
    return process in (getattr(op, "process", None), getattr(op, "child", None))


def _exits(op: Operation, process: int) -> bool:
    """Whether an operation ends a process."""
    return isinstance(op, ops.Exit) and op.process == process


_CLASSES: dict[type[Kernel], type[Kernel]] = {}
"""Each kernel that was ever put on threads: machines are many, classes of them few."""


def _on_threads(kernel: type[Kernel]) -> type[Kernel]:
    found = _CLASSES.get(kernel)
    if found is None:
        found = _CLASSES[kernel] = type(f"{kernel.__name__} on threads", (Concurrent, kernel), {})
    return found
