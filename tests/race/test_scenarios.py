"""Every protocol survives in its small scope, to the last execution; every planted race is found, and made small."""

from __future__ import annotations

import pytest

from mmfuzz.planted import BUGS
from mmfuzz.planted.catalogue import RACE
from mmfuzz.race.explore import EXHAUSTIVE, Settings, explore
from mmfuzz.race.scenarios import races_in, scenario, scenarios

SWITCHES_MAX = 6
SECONDS = 60
"""A planted race is found sooner than that on one core."""

RACES = {name: bug for name, bug in BUGS.items() if bug.kind == RACE}


LARGE = {
    "gup-fast-against-split",
    "gup-fast-against-swap-out",
    "put-tail-against-reuse",
    "put-tail-against-split",
}
"""Protocols of many thousand executions under their own model of memory, which nights are for."""


@pytest.mark.parametrize("name", list(scenarios()))
def test_complete_protocol_survives_exhaustively(name: str) -> None:
    program = scenario(name)
    memory = "sc" if name in LARGE else program.memory
    result = explore(name, program, Settings(memory=memory, strategy=EXHAUSTIVE))

    assert result.found is None, f"{result.found.failed}: {result.found.message}, {result.found.schedule}"
    assert result.complete
    assert result.executions > 1


@pytest.mark.parametrize("name", sorted(LARGE))
def test_large_protocol_survives_where_a_thread_is_stopped_once(name: str) -> None:
    """Under its own memory, with the schedules in which most races show."""
    settings = Settings(strategy=EXHAUSTIVE, preemptions=1, executions=400)

    assert explore(name, scenario(name), settings).found is None


@pytest.mark.parametrize(
    ("name", "bug"), [(name, bug) for bug, facts in RACES.items() for name in facts.scenarios]
)
def test_planted_race_is_found_and_shrinks(name: str, bug: str) -> None:
    facts = BUGS[bug]
    program = scenario(name)
    result = explore(
        name, program, Settings(plant=bug, memory=facts.memory, seconds=SECONDS, executions=10**9)
    )

    assert result.found is not None
    assert result.seconds < SECONDS
    assert result.minimal is not None
    assert result.minimal.broken == result.found.broken
    assert result.minimal.switches <= SWITCHES_MAX
    if name == facts.scenarios[0]:
        assert result.minimal.broken == facts.property


STRICTER = {"tso": "sc", "weak": "tso"}
ENOUGH = 800
"""Executions, fewest context switches first, in which a race would show under a model that allows it."""


@pytest.mark.parametrize("bug", [bug for bug, facts in RACES.items() if facts.memory in STRICTER])
def test_planted_race_needs_the_memory_that_it_names(bug: str) -> None:
    """What is named is the strictest model that shows it: one that is stricter does not."""
    facts = BUGS[bug]
    name, stricter = facts.scenarios[0], STRICTER[facts.memory]
    result = explore(name, scenario(name), Settings(plant=bug, memory=stricter, executions=ENOUGH))

    assert result.found is None


def test_every_protocol_has_a_part_that_can_be_left_out() -> None:
    """But for first faults and for what a collapse does beside GUP-fast: there it is shown that nothing happens."""
    whole = {name for name in scenarios() if not races_in(name)}

    assert whole == {
        "anonymous-fault-against-fault", "huge-fault-against-fault",
        "collapse-against-cow", "collapse-against-fork", "collapse-against-get",
    }  # fmt: skip


def test_the_same_seed_is_the_same_search() -> None:
    name = next(iter(scenarios()))
    one, other = (
        explore(name, scenario(name), Settings(strategy="random", executions=50, seed=3)) for _ in range(2)
    )

    assert (one.executions, one.steps) == (other.executions, other.steps)
