"""The one executor: everything that runs a program runs it through a `Session`.

A step asks the model whether the operation applies, has the target do it, lets the model follow what the
target reports, and compares counters with owners for the folios that the step touched. Fuzzing, rule machines,
replay, reduction and tests differ only in where the operations come from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mmfuzz.checks.counters import check_folio, has_plain_rules, plainly_holds
from mmfuzz.checks.devices import check_device
from mmfuzz.checks.memory import (
    check_empty,
    check_free_frames,
    check_sweep,
    check_tables,
    check_zero_page,
    freed_early,
    leaked,
)
from mmfuzz.model.applies import why_not
from mmfuzz.model.names import folio_name, owners
from mmfuzz.model.owners import Folio
from mmfuzz.model.rules import Oracle
from mmfuzz.observation import ZERO_FRAME, Counters, KernelBug, Report
from mmfuzz.ops import WHOLE, Drain, Exit, Fault, Free, Operation, Put, Truncate, Unpin
from mmfuzz.targets.base import Target
from mmfuzz.violation import Term, Violation

Journal = Callable[[Operation], None]
"""Told of each operation before the target does it, so that what kills a machine is on disk."""

PAUSES = (0.001, 0.005, 0.02)
"""Seconds between looks at a folio that seems wrong on a target that is not exact: compaction, for one, takes a
reference to any page that it passes by, only to see what it is."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation and what came of it."""

    op: Operation
    number: int
    skipped: str | None
    """Why the operation did not apply; None when it was done."""
    report: Report | None
    """What the target reported; None when it was skipped."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole program's run."""

    steps: int
    skipped: int
    violation: Violation | None = None
    step: int | None = None
    """Index of the operation that failed; None when nothing failed, or only the release at the end."""


class Session:
    """One program's run on a target, against a fresh model.

    `journal` is called with each operation that applies, before it is done.
    """

    def __init__(self, target: Target, *, journal: Journal | None = None) -> None:
        traits = target.traits
        self.target = target
        self.oracle = Oracle(traits.huge_order, traits.profile, exact=traits.exact, frames=traits.frames)
        self.world = self.oracle.world
        self._journal = journal
        self._frames = traits.frames
        self._left_out = traits.left_out
        self._tables: int | None = None
        self._coalesced = traits.pins_coalesced
        self._rules = traits.profile
        self._plainly = plainly_holds if has_plain_rules(traits.profile) else _never
        self._pauses = () if traits.exact else PAUSES
        self._lends = False
        """A device has handed out pages: from then on it is asked what it has left."""
        target.reset()

    def why_not(self, op: Operation) -> str | None:
        """Why `op` would be skipped now: it does not apply, or the target cannot do it."""
        reason = why_not(self.world, op)
        if reason is None and type(op) in self._left_out:
            reason = self._left_out[type(op)]
        return reason if reason is not None else self.target.unsupported(op)

    def step(self, op: Operation) -> Step:
        """Do one operation and check it; raise `Violation` when a property failed."""
        reason = self.why_not(op)
        if reason is not None:
            return Step(op, self.world.steps, reason, None)
        return Step(op, self.world.steps, None, self.do(op))

    def do(self, op: Operation) -> Report:
        """`step` for an operation that is known to apply."""
        if self._journal is not None:
            self._journal(op)
        oracle = self.oracle
        try:
            report = self.target.apply(op, self.world.steps + 1)
            oracle.follow(op, report)
            self._check(report)
        except KernelBug as bug:
            raise self._assertion(bug) from bug
        return report

    def finish(self) -> int:
        """Sweep all of memory, release everything, and sweep again: nothing may be left.

        Where frames do not show what they hold, every mapped page is read once more first. Returns how many
        steps all this took, each done and checked like any other.
        """
        steps = self.world.steps
        if not self.target.traits.exact:
            for op in self._reads():
                self.do(op)
        self._sweep()
        for op in self._releases():
            self.do(op)
        self._sweep()
        if self.target.traits.exact:
            check_empty(self.world)
        return self.world.steps - steps

    def _reads(self) -> Iterable[Operation]:
        """Reads of all areas in which something is mapped."""
        for process in sorted(self.world.processes):
            for number, area in sorted(self.world.processes[process].areas.items()):
                op = Fault(process, number, 0, WHOLE, write=False)
                if area.pmd is not None and self.why_not(op) is None:
                    yield op

    def _releases(self) -> Iterable[Operation]:
        """What it takes to give everything back: batches, handles, processes, and the last one's areas."""
        world = self.world
        if world.batched:
            yield Drain()
        for number, handle in sorted(world.handles.items()):
            yield Unpin(number) if handle.pinned else Put(number)
        *others, last = sorted(world.processes)
        for process in others:
            yield Exit(process)
        for area in sorted(world.processes[last].areas):
            yield Free(last, area)
        for number, file in sorted(world.files.items()):
            if any(file.cached) and file.dax != "device":
                yield Truncate(number, 0)
        if world.batched:
            yield Drain()

    def _check(self, report: Report) -> None:
        world = self.world
        target = self.target
        touched = world.affected
        if report.lent or report.blocks:
            self._lends = True
        for frame in report.touched:
            page = world.frames.get(frame)
            if page is not None:
                touched[page.folio] = None
            elif frame == ZERO_FRAME:
                self._check_zero_page()
            elif self._lends and (page := world.beyond(frame)) is not None:
                touched[page.folio] = None
        self._check_all(touched)
        if report.tables is not None:
            self._tables = report.tables
        if self._tables is not None and (report.tables is not None or report.pmds):
            check_tables(world, self._tables)
        if self._lends and (report.lent or report.given_back):
            self._check_device()
        for folio in self.oracle.freed:
            try:
                self._check_freed(folio)
            except Violation:
                self._look_again(self._check_freed, folio)
        if self._frames is not None:
            free = target.free_frames()
            if free is not None and free != self._frames - len(world.frames):
                check_free_frames(world, free, self._frames)

    def _check_device(self) -> None:
        state = self.target.device()
        if state is not None:
            check_device(self.world, state, self._rules)

    def _check_zero_page(self) -> None:
        seen = self.target.counters(ZERO_FRAME)
        if seen is not None:
            check_zero_page(self.world, seen, self._rules)

    def _check_all(self, folios: Iterable[Folio]) -> None:
        counters = self.target.counters
        plainly = self._plainly
        for folio in folios:
            seen = counters(folio.head)
            if seen is not None and plainly(folio, seen):
                continue
            try:
                self._compare(folio, seen)
            except Violation:
                self._look_again(self._check_used, folio)

    def _look_again(self, check: Callable[[Folio], None], folio: Folio) -> None:
        """A folio seemed wrong; where others may have it in hand for a moment, wait before that counts."""
        for pause in self._pauses:
            time.sleep(pause)
            try:
                return check(folio)
            except Violation:
                continue
        return check(folio)

    def _check_used(self, folio: Folio) -> None:
        self._compare(folio, self.target.counters(folio.head))

    def _compare(self, folio: Folio, seen: Counters | None) -> None:
        if seen is None:
            raise freed_early(folio)
        check_folio(folio, seen, self._rules, exact=self.target.traits.exact, pins_coalesced=self._coalesced)

    def _check_freed(self, folio: Folio) -> None:
        """A folio without owners must be free, unless its frames are another folio's by now.

        Frames behind the head that are in use still are in a folio that the report lists.
        """
        if folio.head not in self.world.frames:
            seen = self.target.counters(folio.head)
            if seen is not None:
                raise leaked(folio, seen)

    def _sweep(self) -> None:
        try:
            sweep = self.target.sweep()
            if sweep is not None:
                check_sweep(self.world, sweep)
            self._check_all({page.folio: None for page in self.world.frames.values()})
            self._check_all({page.folio: None for page in self.world.device_frames.values()})
            self._check_all({page.folio: None for page in self.world.dax_frames.values()})
            self._check_zero_page()
            if self._tables is not None:
                check_tables(self.world, self._tables)
            if self._lends:
                self._check_device()
        except KernelBug as bug:
            raise self._assertion(bug) from bug

    def _assertion(self, bug: KernelBug) -> Violation:
        world = self.world
        page = world.frames.get(bug.frame) or world.beyond(bug.frame) if bug.frame is not None else None
        return Violation(
            bug.property,
            str(bug),
            folio=folio_name(page.folio) if page is not None else "",
            terms=[Term("owners", len(owners(page.folio)), "see the assertion", owners(page.folio))]
            if page
            else (),
        )


def _never(folio: Folio, seen: Counters) -> bool:
    """Eras whose rules need the whole check."""
    return False


def run(ops: Iterable[Operation], target: Target, *, journal: Journal | None = None) -> Outcome:
    """Run a whole program, the release of everything at its end included."""
    session = Session(target, journal=journal)
    skipped = done = 0
    for op in ops:
        try:
            skipped += session.step(op).skipped is not None
        except Violation as violation:
            return Outcome(done + 1, skipped, violation, done)
        done += 1
    try:
        session.finish()
    except Violation as violation:
        return Outcome(done, skipped, violation)
    return Outcome(done, skipped)
