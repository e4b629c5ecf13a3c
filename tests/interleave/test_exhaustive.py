"""Partial-order reduction loses no outcome: whatever plain enumeration finds, it finds, in fewer executions."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmfuzz.interleave.memory import MODELS
from mmfuzz.interleave.search import Exhaustive, Pct, Random
from tests.interleave.conftest import CELLS, STEPS, Step, explore

ENOUGH = 2_000
"""Executions after which a program is too large to be enumerated."""

steps = st.tuples(st.sampled_from(STEPS), st.integers(0, CELLS - 1))
programs = st.lists(st.lists(steps, min_size=1, max_size=3).map(tuple), min_size=2, max_size=3).map(tuple)


@pytest.mark.parametrize("memory", MODELS)
@given(programs)
@example(((("down", 0),), (("down", 0),), (("lock", 0), ("try", 0))))
@example(((("write", 0), ("lock", 1)), (("try", 1), ("read", 0))))
@example(((("irqs", 0), ("read", 1)), (("write", 0), ("ipi", 0), ("write", 1))))
@settings(max_examples=40, deadline=None)
def test_no_outcome_is_lost(memory: str, threads: tuple[tuple[Step, ...], ...]) -> None:
    plain = explore(threads, memory, Exhaustive(reduce=False), executions=ENOUGH)
    reduced = explore(threads, memory, Exhaustive(), executions=ENOUGH)

    if plain.complete:
        assert reduced.complete
        assert set(reduced.seen) == set(plain.seen)
        assert reduced.executions <= plain.executions
    elif reduced.complete:
        assert set(plain.seen) <= set(reduced.seen)


@pytest.mark.parametrize("bound", [0, 1, 2])
@given(programs)
@example(
    (
        (("read", 0), ("write", 0)),
        (("write", 0), ("lock", 0)),
        (("lock", 0), ("read", 0)),
    )
)
@settings(max_examples=40, deadline=None)
def test_bounded_search_finds_what_the_bound_allows(
    bound: int, threads: tuple[tuple[Step, ...], ...]
) -> None:
    plain = explore(threads, "sc", Exhaustive(reduce=False, preemptions=bound), executions=ENOUGH)
    reduced = explore(threads, "sc", Exhaustive(preemptions=bound), executions=ENOUGH)

    if plain.complete:
        assert set(reduced.seen) == set(plain.seen)


@pytest.mark.parametrize("memory", MODELS)
@given(programs, st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_samples_are_among_what_is_possible(
    memory: str, threads: tuple[tuple[Step, ...], ...], seed: int
) -> None:
    everything = explore(threads, memory, Exhaustive(), executions=ENOUGH)

    for search in (Random(seed), Pct(seed)):
        sampled = explore(threads, memory, search, executions=50)
        assert not everything.complete or set(sampled.seen) <= set(everything.seen)


def test_threads_on_separate_data_are_one_execution() -> None:
    threads = ((("write", 0),) * 3, (("write", 1),) * 3)

    assert explore(threads, "sc", Exhaustive()).executions == 1
    assert explore(threads, "sc", Exhaustive(reduce=False)).executions == 20


def test_steps_that_all_conflict_are_not_reduced() -> None:
    threads = ((("add", 0),) * 3, (("add", 0),) * 3)

    assert explore(threads, "sc", Exhaustive()).executions == 20


def test_deadlock_is_an_outcome() -> None:
    threads = ((("grace", 0),), (("rcu", 0),), (("ipi", 0),))

    assert not any(outcome[0] for outcome in explore(threads, "sc", Exhaustive()).seen)  # type: ignore[index]
