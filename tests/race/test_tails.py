"""References on tails: the protocols hold in every execution, and each part left out is found, with few switches."""

from __future__ import annotations

import pytest

from mmfuzz.planted import BUGS, RACE, Bug
from mmfuzz.race.explore import EXHAUSTIVE, Settings, explore
from mmfuzz.race.scenarios import scenario, scenarios

SECONDS = 60
"""Within which each planted race is found."""
SWITCHES = 6
"""Context switches of its schedule at most."""
PROTOCOLS = [name for name in scenarios() if "-tail-" in name]
RACES = [bug for bug in BUGS.values() if bug.kind == RACE and set(bug.scenarios) <= set(PROTOCOLS)]


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize(
    "memory",
    ["sc", pytest.param("tso", marks=pytest.mark.slow), pytest.param("weak", marks=pytest.mark.slow)],
)
def test_complete_protocol_survives_every_execution(name: str, memory: str) -> None:
    result = explore(name, scenario(name), Settings(memory=memory, strategy=EXHAUSTIVE))
    assert (result.found, result.complete) == (None, True)


@pytest.mark.parametrize("bug", RACES, ids=lambda bug: bug.name)
def test_planted_race_is_found_with_few_switches(bug: Bug) -> None:
    for name in bug.scenarios:
        result = explore(name, scenario(name), Settings(plant=bug.name, seconds=SECONDS))
        assert result.minimal is not None, f"{name} does not show it"
        assert result.minimal.failed == bug.property
        assert result.minimal.switches <= SWITCHES


@pytest.mark.parametrize("bug", [bug for bug in RACES if bug.memory != "sc"], ids=lambda bug: bug.name)
def test_race_of_weak_memory_needs_weak_memory(bug: Bug) -> None:
    for name in bug.scenarios:
        result = explore(name, scenario(name), Settings(plant=bug.name, memory="sc", strategy=EXHAUSTIVE))
        assert (result.found, result.complete) == (None, True)
