"""A schedule is data: it reads as it was written, does again what it did, and shrinks to few context switches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfuzz.errors import UsageError
from mmfuzz.interleave.machine import DEADLOCK, Failed
from mmfuzz.interleave.memory import MODELS, Cell
from mmfuzz.interleave.schedule import Move, Schedule
from mmfuzz.interleave.search import Drawn, Random, Replay, Search
from mmfuzz.interleave.waiting import Lock, Processors

moves = st.lists(
    st.builds(Move, st.integers(0, 3), st.booleans(), st.sampled_from([0, 0, 0, 1, 2])), max_size=30
)


@given(moves)
def test_text_reads_as_it_was_written(taken: list[Move]) -> None:
    schedule = Schedule(tuple(taken))

    assert Schedule.parse(str(schedule)) == schedule


@pytest.mark.parametrize(
    ("text", "switches"), [("", 0), ("a3", 0), ("a3b2", 1), ("a3A2a", 0), ("aba", 2), ("a^1b", 1)]
)
def test_switches_are_counted_between_threads(text: str, switches: int) -> None:
    assert Schedule.parse(text).switches == switches


def racing(search: Search, memory: str) -> tuple[list[int], Processors]:
    """Two threads that read, add one and write, so that one addition may be lost."""
    machine = Processors(search, memory)
    cell = Cell("x", 0)

    def add() -> None:
        value = machine.load(cell).value
        machine.store(cell, value + 1)

    machine.run([("one", add), ("other", add), ("third", add)])
    return [cell.newest], machine


@pytest.mark.parametrize("memory", MODELS)
@given(st.integers(0, 10_000))
def test_a_schedule_does_the_same_again(memory: str, seed: int) -> None:
    first, machine = racing(Random(seed), memory)
    replay = Replay(Schedule.parse(str(machine.schedule)))
    again, repeated = racing(replay, memory)

    assert again == first
    assert repeated.schedule == machine.schedule


def test_the_same_seed_is_the_same_run() -> None:
    assert racing(Random(5), "weak")[1].schedule == racing(Random(5), "weak")[1].schedule


def test_a_schedule_of_something_else_is_refused() -> None:
    with pytest.raises(UsageError, match="move 3 is a's, which cannot go on there"):
        racing(Replay(Schedule.parse("a3b2")), "sc")


def test_who_draws_turns_stops_a_thread_as_often_as_there_are() -> None:
    _, machine = racing(Drawn([]), "sc")
    assert machine.schedule.switches == 2  # one thread after the other

    values, machine = racing(Drawn([(1, 0)]), "sc")
    assert values == [2]
    assert str(machine.schedule) == "a2bc2b"


def test_who_waits_for_himself_is_a_deadlock() -> None:
    search = Random(0)
    machine = Processors(search, "sc")
    lock = Lock("the lock")

    def twice() -> None:
        machine.lock(lock)
        machine.lock(lock)

    machine.run([("one", twice)])

    assert isinstance(machine.failure, Failed)
    assert machine.failure.property == DEADLOCK
    assert "one waits for the lock, which it has itself" in str(machine.failure)


def test_locks_taken_in_two_orders_get_stuck() -> None:
    stuck = []
    for seed in range(40):
        machine = Processors(Random(seed), "sc")
        locks = Lock("first"), Lock("second")

        def takes(one: Lock, other: Lock, machine: Processors = machine) -> None:
            machine.lock(one)
            machine.lock(other)
            machine.unlock(other)
            machine.unlock(one)

        machine.run([("up", lambda: takes(*locks)), ("down", lambda: takes(locks[1], locks[0]))])  # noqa: B023
        stuck.append(machine.stuck)

    assert True in stuck
    assert False in stuck
