"""Schedules that Hypothesis draws, and races that nobody wrote."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from mmfuzz.interleave.schedule import Schedule
from mmfuzz.interleave.search import Drawn
from mmfuzz.planted import BUGS
from mmfuzz.program import format_program, parse
from mmfuzz.race.execute import Race
from mmfuzz.race.explore import replay
from mmfuzz.race.scenarios import scenario
from mmfuzz.strategies.races import drawn_schedules, race

TURNS = st.integers(0, 160)


@pytest.mark.parametrize(
    ("bug", "switches"),
    [("gup-fast-head-unchecked", 2), ("get-tail-without-lock", 2), ("collapse-without-ipi", 2)],
)
def test_hypothesis_finds_a_planted_race_and_shrinks_it_to_the_fewest_switches(
    bug: str, switches: int
) -> None:
    """Two turns say all: where the first thread stops, and where it goes on."""
    facts = BUGS[bug]
    target = Race(scenario(facts.scenarios[0]), memory=facts.memory, plant=bug)

    def breaks(turns: list[tuple[int, int]]) -> bool:
        drawn = Drawn(turns)
        drawn.begin()
        return target.execute(drawn).broken == facts.property

    turns = find(
        st.lists(st.tuples(TURNS, st.just(0)), max_size=4),
        breaks,
        settings=settings(
            max_examples=4_000, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        ),
    )

    drawn = Drawn(turns)
    drawn.begin()
    shrunk = target.execute(drawn)
    assert shrunk.broken == facts.property
    assert len(turns) == 1
    assert shrunk.switches == switches
    assert replay(
        scenario(facts.scenarios[0]), Schedule.parse(str(shrunk.schedule)), memory=facts.memory, plant=bug
    ).broken == (facts.property)


@given(drawn_schedules())
@settings(max_examples=25, deadline=None)
def test_complete_protocol_survives_what_is_drawn(drawn: Drawn) -> None:
    drawn.begin()

    assert not Race(scenario("get-tail-against-split")).execute(drawn).broken


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_generated_race_is_a_program_that_reads_as_it_was_written(seed: int) -> None:
    program = race(seed, kernel="6.18")

    assert program.threads
    assert parse(format_program(program)) == program
    assert race(seed, kernel="6.18") == program
