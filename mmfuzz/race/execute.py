"""One execution of a race: set up, run the threads, look at what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mmfuzz.errors import MmfuzzError, ProgramError, UsageError
from mmfuzz.interleave.machine import DEADLOCK, Explorer, Failed
from mmfuzz.interleave.memory import MODELS, SC
from mmfuzz.interleave.trace import DataRace, Execution
from mmfuzz.interleave.waiting import Processors
from mmfuzz.kernel.mm import DevicePte, MigrationPte, Pte, SwapPte
from mmfuzz.kernel.page import Page
from mmfuzz.ops import Exit, Operation
from mmfuzz.planted import known
from mmfuzz.program import Program, Thread, format_op
from mmfuzz.race.allowed import reason
from mmfuzz.race.rest import check_rest
from mmfuzz.race.shared import ABSENT
from mmfuzz.race.target import RacingSim, Taken
from mmfuzz.race.watch import Watch
from mmfuzz.session import Session
from mmfuzz.violation import Violation

REMEMBERED = 5_000
"""States at rest whose verdict is kept."""


class Race:
    """A program with threads, to be executed again and again.

    `memory` is one of `sc`, `tso` and `weak`; `plant` takes the place of the bug that the program names. Where no
    memory is named, such a bug has one that shows it, if the program's does not.
    """

    def __init__(self, program: Program, *, memory: str | None = None, plant: str | None = None) -> None:
        if not program.threads:
            raise UsageError("the program has no threads: there is nothing to race")
        self.program = program
        self.plant = plant if plant is not None else program.plant
        self.memory = memory or self._memory()
        self.target = RacingSim(
            program.kernel,
            frames=program.frames,
            huge_order=program.huge,
            plant=self.plant or None,
            pins=program.pins or None,
            swap=program.swap or None,
        )
        self._rest: dict[object, Violation | None] = {}
        self._check_set_up()

    def _memory(self) -> str:
        own = self.program.memory or SC
        other = known(self.plant).memory if self.plant and self.plant != self.program.plant else ""
        return max(own, other or SC, key=MODELS.index)

    def _check_set_up(self) -> None:
        """The set-up runs like any program first, against the model: what it says must be what happens."""
        session = Session(self.target)
        for number, op in enumerate(self.program.ops, 1):
            try:
                skipped = session.step(op).skipped
            except Violation as violation:
                raise self._refused(
                    number, f"it fails before any thread begins, so this is no race: {violation}"
                ) from violation
            if skipped is not None:
                raise self._refused(number, f"it does not apply: {skipped}")

    def _refused(self, number: int, problem: str) -> MmfuzzError:
        """What is wrong with an operation of the set-up, counted from 1: at its line, where the race has lines."""
        source = self.program.source
        text = f"set-up operation {format_op(self.program.ops[number - 1])!r}: {problem}"
        if not source.lines:
            return UsageError(text)
        return ProgramError(source.path, source.lines[number - 1], 1, text)

    def execute(self, explorer: Explorer, *, record: bool = False) -> Execution:
        """One execution, as the explorer wants it."""
        target = self.target
        target.prepare(self.program.ops)
        machine = Processors(explorer, self.memory, record=record, watch=Watch(target))
        if machine.recording is not None:
            machine.recording.words = self._words
        target.begin(machine)
        try:
            machine.run([(thread.name, self._body(machine, thread)) for thread in self.program.threads])
        finally:
            target.begin(None)
        failed, at = machine.failure, machine.failed_at
        if failed is None and not machine.cut:
            failed = self._at_rest(machine)
        return self._told(machine, failed, at, record=record)

    def _body(self, machine: Processors, thread: Thread) -> Callable[[], None]:
        def body() -> None:
            for op in thread.ops:
                self._do(machine, op)

        return body

    def _do(self, machine: Processors, op: Operation) -> None:
        if machine.recording is None:
            self.target.do(op)
            return
        thread = machine.current
        assert thread is not None
        machine.recording.aside(thread.index, "", f"{format_op(op)} begins")
        error = self.target.do(op)
        machine.recording.aside(thread.index, "", f"{format_op(op)} ends" + (f": {error}" if error else ""))

    # What is left

    def _at_rest(self, machine: Processors) -> Failed | None:
        if machine.stuck:
            waiting = [
                f"{thread.name} waits in a {thread.kind}" for thread in machine.threads if not thread.done
            ]
            return Failed(DEADLOCK, "; ".join(waiting))
        held = self.target.kernel.stage.held()
        if held:
            return Failed(DEADLOCK, f"all threads have ended, and somebody has the {held[0]}")
        try:
            self._check()
        except Failed as failed:
            return failed
        return None

    def _check(self) -> None:
        """The identity at rest, and after that everything released. States that were seen are not looked at again."""
        state = self._state()
        if state not in self._rest:
            if len(self._rest) >= REMEMBERED:
                self._rest.clear()
            self._rest[state] = self._look()
        violation = self._rest[state]
        if violation is not None:
            raise Failed(
                violation.property,
                violation.message,
                [line[2:] for line in violation.report().splitlines()[1:-1]],
            )

    def _look(self) -> Violation | None:
        try:
            check_rest(self.target)
            self._release()
        except Violation as violation:
            return violation
        except (AttributeError, LookupError, ValueError) as error:
            return Violation("frames", f"what the threads have left does not fit together: {error!r}")
        return None

    def _release(self) -> None:
        """Everything is given back, and then no frame may be in use but what files have."""
        target, kernel = self.target, self.target.kernel
        try:
            kernel.lru_add_drain_all()
            for handle in list(kernel.handles):
                kernel.release(handle)
            for process in list(kernel.mms):
                target.do(Exit(process))
            # What only the swap cache has left is reclaim's: whoever dropped the last entry found the page locked.
            for page in list(kernel.swap_cache.values()):
                kernel.folio_free_swap(page.head)
            for file in kernel.files.values():
                if file.pgmap is None:
                    kernel.truncate(file, 0)
            kernel.lru_add_drain_all()
            kernel.shrink_swap_cache()
        except Failed as failed:
            raise Violation(failed.property, f"{failed}, when everything was released") from failed
        left = [page for page in kernel.mem_map.values() if page.head is page and page._refcount]
        if left or kernel.page_tables:
            what = f"the folio at frame {left[0].pfn}, order {left[0].order}" if left else "a page table"
            raise Violation("leak", f"everything was released, and {what} is still there")

    def _state(self) -> object:
        """All that the checks look at, to be compared. What only has an identity is told by when it is met first."""
        kernel, target = self.target.kernel, self.target
        met: dict[int, int] = {}

        def which(thing: object) -> int:
            return met.setdefault(id(thing), len(met))

        areas = tuple(
            (mm.process, vma.area, tuple(vma.present), self._words(vma.pmd), tuple(map(self._words, vma.ptes)),
             vma.table is None, vma.deposit is None, which(vma.anon_vma))
            for mm in kernel.mms.values() for vma in mm.vmas.values()
        )  # fmt: skip
        pages = tuple(
            (p.pfn, p._refcount, p._mapcount, p.head.pfn, len(p.pages), p.order, p._entire_mapcount,
             p._large_mapcount, p._nr_pages_mapped, p._pincount, p.anon_exclusive, p.swapcache, p.partially_mapped,
             p.private, p.mm_id0, p.mm_maps0, p.mm_id1, p.mm_maps1, p.mm_shared, p.lru, p.dirty, p.index, p.swap,
             p.compound_lock, p.content, which(p.mapping))
            for p in kernel.mem_map.values()
        )  # fmt: skip
        handles = tuple(
            (number, tuple(page and page.pfn for page in pinned.pages), _facts(taken), which(taken.anon_vma))
            for number, pinned in kernel.handles.items()
            for taken in [target.taken[number]]
        )
        caches = tuple(
            (
                number,
                file.size,
                tuple((index, self._words(entry)) for index, entry in sorted(file.pages.items())),
            )
            for number, file in kernel.files.items()
        )
        swap = (
            tuple(sorted(kernel.swap_map.items())),
            tuple((slot, page.pfn) for slot, page in kernel.swap_cache.items()),
            tuple(sorted(kernel.swap_data.items())),
        )
        batches = tuple(tuple(folio.pfn for folio in batch) for batch in kernel.batches)
        held = tuple((where, tuple(sorted(values))) for where, values in target.contents.last.items())
        rest = len(kernel.page_tables), kernel.zero_page._refcount, frozenset(target.dropped)
        return areas, pages, handles, caches, swap, batches, held, tuple(kernel.buddy.blocks()), rest

    def _words(self, value: Any) -> str:
        """A value as a person calls it."""
        if isinstance(value, Page):
            return f"frame {value.pfn}"
        if isinstance(value, Pte):
            extra = " splitting" if getattr(value, "splitting", False) else ""
            return f"frame {value.page.pfn} {'rw' if value.writable else 'ro'}{extra}"
        if isinstance(value, SwapPte):
            return f"swap {value.slot}{' exclusive' if value.exclusive else ''}"
        if isinstance(value, (MigrationPte, DevicePte)):
            return f"{'moving' if isinstance(value, MigrationPte) else 'device'} frame {value.page.pfn}"
        if value is None or value is ABSENT:
            return "none"
        return str(value) if isinstance(value, (int, str)) else getattr(value, "name", type(value).__name__)

    def _told(self, machine: Processors, failed: Failed | None, at: int | None, *, record: bool) -> Execution:
        races = tuple(replace(race, reason=reason(race.cell)) for race in machine.data_races.values())
        execution = Execution(
            schedule=machine.schedule,
            threads=tuple(thread.name for thread in machine.threads),
            steps=machine.steps,
            failed=failed.property if failed is not None else "",
            message=str(failed) if failed is not None else "",
            failed_at=at if failed is not None else None,
            cut=machine.cut,
            data_races=races,
            lines=failed.lines if failed is not None else (),
        )
        recording = machine.recording
        if not record or recording is None:
            return execution
        return replace(
            execution,
            events=tuple(recording.events),
            failed_at=recording.place(at) if failed is not None and at is not None else None,
            data_races=tuple(
                DataRace(race.cell, recording.place(race.first), recording.place(race.second), race.reason)
                for race in races
            ),
        )


def _facts(taken: Taken) -> tuple[object, ...]:
    """What is known of a handle, but for whose area it was."""
    return taken.process, taken.area, taken.first, taken.pinned, taken.write
