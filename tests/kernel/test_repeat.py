"""A program's run depends on the program alone: not on what ran before, and not on chance."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mmfuzz.observation import Report
from mmfuzz.ops import Operation
from mmfuzz.session import Session
from mmfuzz.strategies.operations import programs
from mmfuzz.targets.base import Target
from mmfuzz.targets.sim import Sim


@settings(max_examples=60)
@given(programs(steps_max=40), programs(steps_max=40))
def test_reset_leaves_nothing_of_the_program_before(before: list[Operation], ops: list[Operation]) -> None:
    used = Sim()
    reports(used, before)
    assert reports(used, ops) == reports(Sim(), ops)


@settings(max_examples=30)
@given(programs(steps_max=60), st.sampled_from([64, 256]))
def test_same_program_gives_the_same_reports(ops: list[Operation], frames: int) -> None:
    assert reports(Sim(frames=frames), ops) == reports(Sim(frames=frames), ops)


def reports(target: Target, ops: list[Operation]) -> list[Report]:
    """What a target reports of the operations that apply."""
    session = Session(target)
    return [step.report for op in ops if (step := session.step(op)).report is not None]
