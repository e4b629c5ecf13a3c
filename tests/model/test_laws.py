"""A healthy kernel never violates a property: a failure on one is a mistake of the model or the checks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfuzz.campaign.explore import Explorer
from mmfuzz.ops import Operation
from mmfuzz.program import parse
from mmfuzz.session import Session, run
from mmfuzz.strategies.operations import programs
from mmfuzz.targets.sim import Sim


@given(programs(steps_max=60), st.sampled_from([64, 1024]))
def test_no_program_fails(ops: list[Operation], frames: int) -> None:
    outcome = run(ops, Sim(frames=frames))
    assert outcome.violation is None, outcome.violation.report()


@pytest.mark.parametrize("huge_order", [2, 3, 4, 6])
@pytest.mark.parametrize("frames", [64, 1024], ids="{} frames".format)
def test_no_chosen_program_fails(huge_order: int, frames: int) -> None:
    explorer = Explorer(Sim(frames=frames, huge_order=huge_order), "laws")
    while explorer.steps < 3_000:
        failure = explorer.explore()
        assert failure is None, failure.violation.report()


def test_failed_fork_takes_exclusiveness_away_all_the_same() -> None:
    """What a fork shared before it ran out of memory stays shared, as if the child had exited."""
    lines = [
        "alloc p0 a0 order5",
        "fault p0 a0.0 write",
        "alloc p0 a1 order5",
        "pin p0 a1.0 write h0",
        "fork p0 p1",
        "fault p0 a0.0 write",
    ]
    ops = parse("\n".join(["mmfuzz 1", "huge: 6", "", *lines]) + "\n").ops
    target = Sim(frames=64, huge_order=6)
    session = Session(target)
    steps = [session.step(op) for op in ops]
    assert [step.report.error for step in steps if step.report][-2:] == ["ENOMEM", ""]
    session.finish()


@given(programs(steps_max=60))
def test_release_at_the_end_leaves_nothing_owned(ops: list[Operation]) -> None:
    session = Session(Sim())
    for op in ops:
        session.step(op)
    session.finish()
    batched = {folio.head for folio in session.world.batched}
    assert {page.folio.head for page in session.world.frames.values()} == batched
    assert not session.world.handles


@given(programs(steps_max=60))
def test_every_owner_is_owned_back(ops: list[Operation]) -> None:
    session = Session(Sim())
    for op in ops:
        session.step(op)
    world = session.world
    for frame, page in world.frames.items():
        assert frame == page.folio.head + page.index
        assert page.folio.is_owned
        for where in page.maps:
            assert world.entry(*where) is page
        for handle in page.pins | page.gets:
            assert page in handle.pages
    for number, slot in world.slots.items():
        assert slot.entries or slot.page is not None
        for where in slot.entries:
            assert world.entry(*where) is slot
        if slot.page is not None:
            assert slot.page.folio.slot == number - slot.page.index
