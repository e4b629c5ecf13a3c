"""What is drawn: the universe's numbering, and operations fitted to what there is."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfuzz.ops import OPERATIONS, Operation
from mmfuzz.program import Program, format_program, parse
from mmfuzz.session import Session
from mmfuzz.strategies.choose import Chooser
from mmfuzz.strategies.fit import fit
from mmfuzz.strategies.mutate import Mutator
from mmfuzz.strategies.operations import DEFAULT, programs, table
from mmfuzz.targets.sim import Sim


@pytest.mark.parametrize("kind", OPERATIONS)
def test_each_number_is_an_operation_of_its_own(kind: type[Operation]) -> None:
    everything = table(kind, DEFAULT)

    assert len(set(everything)) == len(everything) == DEFAULT.size(kind)
    assert all(type(op) is kind for op in everything)


def test_everything_that_can_be_drawn_can_be_written_and_read() -> None:
    program = Program(ops=tuple(DEFAULT.everything()))

    assert parse(format_program(program)).ops == program.ops


@given(programs(steps_max=30))
def test_fitted_operations_name_what_there_is(drawn: list[Operation]) -> None:
    session = Session(Sim())
    world = session.world
    for op in drawn:
        fitted = fit(op, world, DEFAULT)
        if hasattr(fitted, "process"):
            assert fitted.process in world.processes
        session.step(fitted)


@given(st.integers(0, 1000))
def test_chosen_operations_apply(seed: int) -> None:
    session = Session(Sim())
    chooser = Chooser(DEFAULT, Random(seed))
    for _ in range(40):
        op = chooser.next(session.world)
        assert session.why_not(op) is None
        session.do(op)


@given(programs(steps_max=20), programs(steps_max=20), st.integers(0, 1000))
def test_the_same_seed_makes_the_same_mutant(one: list[Operation], other: list[Operation], seed: int) -> None:
    mutants = [Mutator(DEFAULT, Random(seed)).mutate(one, other) for _ in range(2)]

    assert mutants[0] == mutants[1]
