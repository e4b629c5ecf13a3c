"""The reducer on predicates of its own, without a kernel."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfuzz.ops import HUGE, WHOLE, Alloc, Drain, Exit, Fault, Fork, Operation, Pin, Unpin
from mmfuzz.reduce import Program, reduce, size
from mmfuzz.strategies.operations import programs

Predicate = Callable[[Program], bool]


def has(*kinds: type[Operation]) -> Predicate:
    """Whether a program has operations of these kinds, in this order."""

    def ask(ops: Program) -> bool:
        rest = iter(ops)
        return all(any(type(op) is kind for op in rest) for kind in kinds)

    return ask


@given(programs(steps_max=12), st.sampled_from([has(Fault), has(Alloc, Fork), has(Pin, Unpin)]))
def test_result_fails_and_is_no_larger(ops: list[Operation], fails: Predicate) -> None:
    if fails(tuple(ops)):
        smallest = reduce(ops, fails)
        assert fails(smallest)
        assert size(smallest) <= size(ops)
        assert reduce(smallest, fails) == smallest


@given(programs(steps_max=12), st.integers(0, 30))
def test_no_program_is_run_twice_and_the_bound_holds(ops: list[Operation], runs_max: int) -> None:
    tried = []

    def fails(candidate: Program) -> bool:
        tried.append(candidate)
        return has(Fault)(candidate)

    if has(Fault)(tuple(ops)):
        reduce(ops, fails, runs_max=runs_max)
        assert len(tried) == len(set(tried)) <= runs_max


@pytest.mark.parametrize(
    ("ops", "fails", "smallest"),
    [
        ([Drain(), Alloc(1, 1, HUGE), Drain()], has(Alloc), [Alloc(0, 0, 0)]),
        (
            [Pin(2, 1, 3, 2, True, 2), Drain(), Unpin(2)],
            has(Pin, Unpin),
            [Pin(0, 0, 0, 1, False, 0), Unpin(0)],
        ),
        ([Fault(0, 0, 0, WHOLE, True)], has(Fault), [Fault(0, 0, 0, 1, False)]),
        ([Fork(0, 1), Exit(0), Fault(1, 0, 2, 1, True)], has(Fault), [Fault(0, 0, 0, 1, False)]),
        ([Exit(1), Fork(0, 1)], lambda ops: has(Fork)(ops) and has(Exit)(ops), [Fork(0, 0), Exit(0)]),
    ],
)
def test_smallest_program(ops: list[Operation], fails: Predicate, smallest: list[Operation]) -> None:
    assert reduce(ops, fails) == tuple(smallest)


def test_range_that_has_to_end_somewhere_keeps_its_end() -> None:
    def covers_five(ops: Program) -> bool:
        return any(type(op) is Fault and op.page <= 5 < op.page + op.count for op in ops)

    ops: list[Operation] = [Fault(0, 0, 2, 4, True)]
    assert reduce(ops, covers_five) == (Fault(0, 0, 5, 1, False),)


def test_two_ranges_become_one() -> None:
    def covers_two_and_five(ops: Program) -> bool:
        pages = {page for op in ops if type(op) is Fault for page in range(op.page, op.page + op.count)}
        return {2, 5} <= pages

    ops: list[Operation] = [Fault(0, 0, 2, 1, False), Drain(), Fault(0, 0, 5, 1, False)]
    assert reduce(ops, covers_two_and_five) == (Fault(0, 0, 2, 4, False),)


def test_programs_stand_in_one_order() -> None:
    ordered: list[list[Operation]] = [
        [],
        [Alloc(0, 0, 0)],
        [Alloc(0, 0, HUGE)],
        [Fault(0, 0, 0, 1, False)],
        [Fault(0, 0, 0, 8, True)],
        [Fault(0, 0, 0, WHOLE, False)],
        [Drain()],
        [Alloc(0, 0, 0), Drain()],
    ]
    assert sorted(ordered, key=size) == ordered
