"""Random programs through the session: the model follows the kernel, and nothing is found."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING

import pytest

from mmfuzz import ops
from mmfuzz.ops import BASE, HUGE, Alloc, Fault, Fork, Operation
from mmfuzz.session import Session, run
from mmfuzz.targets.linux import Linux

if TYPE_CHECKING:
    from tests.live.conftest import Run

DRAWS = 4000
LOOK_SECONDS_MAX = 0.003
STEP_SECONDS_MAX = 0.010
"""Ten times of what was measured: this is about algorithms, not about the machine."""


def random_operations(random: Random) -> list[Operation]:
    """One operation somewhere in two areas and three processes; an Alloc with the first write to the area.

    That write matters: fork copies no page table of an area that was only read, the child has to fault again.
    """
    process, area, handle = random.randrange(3), random.randrange(2), random.randrange(3)
    page = random.choice((0, 1, 2, 3, 510, 511))
    count = 1 if page >= 510 else random.randrange(1, 5)
    writes = random.random() < 0.5
    alloc = Alloc(process, area, random.choice((BASE, HUGE)))
    one: list[Operation] = [
        Fault(process, area, page, count, writes),
        Fork(process, random.randrange(3)),
        ops.Exit(process),
        ops.Pin(process, area, page, count, True, handle),
        ops.Unpin(handle),
        ops.Get(process, area, page, count, writes, handle),
        ops.Put(handle),
        ops.Dma(handle, writes),
        ops.SplitMap(process, area),
        ops.Split(process, area, page),
        ops.Collapse(process, area),
        ops.Unmap(process, area, page, count),
        ops.Dontneed(process, area, page, count),
        ops.Free(process, area),
        ops.Drain(),
    ]
    return random.choice([[alloc, Fault(process, area, page, 1, True)], *([op] for op in one)])


@pytest.mark.parametrize("seed", range(3))
def test_random_program_obeys_the_model(linux: Linux, seed: int) -> None:
    random = Random(seed)
    program = [op for _ in range(DRAWS) for op in random_operations(random)]
    outcome = run(program, linux)
    assert outcome.violation is None
    assert outcome.steps - outcome.skipped > DRAWS / 8


def test_unaccounted_reference_is_found(usable_machine: None) -> None:
    target = Linux(areas=1, unaccounted_get=(0, 3))
    try:
        fine = run([Alloc(0, 0, BASE), Fault(0, 0, 0, 3, True)], target)
        assert fine.violation is None
        outcome = run([Alloc(0, 0, BASE), Fault(0, 0, 3, 1, True)], target)
        assert outcome.violation is not None
        assert outcome.violation.property == "identity"
        assert outcome.step == 1
        again = run([Alloc(0, 0, BASE), Fault(0, 0, 0, 3, True)], target)
        assert again.violation is None, "the reference was not released at reset"
    finally:
        target.close()


def test_looking_at_four_processes_is_fast(run: Run) -> None:
    run(Alloc(0, 0, BASE), Fault(0, 0, 0, 0, True), Fork(0, 1), Fork(0, 2), Fork(0, 3))
    before, reads = run.target.timing.steps, run.target.timing.reads
    for _ in range(100):
        run(Fault(0, 0, 0, 1, True))
    mean = (run.target.timing.reads - reads) / (run.target.timing.steps - before)
    assert mean < LOOK_SECONDS_MAX


def test_steps_are_fast(linux: Linux) -> None:
    session = Session(linux)
    for child in (1, 2, 3):
        session.do(Fork(0, child))
    session.do(Alloc(0, 0, BASE))
    start = time.perf_counter()
    for step in range(200):
        session.do(Fault(0, 0, step % 512, 1, True))
    assert (time.perf_counter() - start) / 200 < STEP_SECONDS_MAX
    session.finish()
