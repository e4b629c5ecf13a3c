"""Pin schemes: two designs fail by themselves, each with a program that is kept, and the others survive."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmfuzz.campaign.explore import Explorer
from mmfuzz.corpus import find, load
from mmfuzz.program import Program
from mmfuzz.reduce import reduce
from mmfuzz.replay import Replayer
from mmfuzz.session import run
from mmfuzz.targets.sim import Sim

CORPUS = Path(__file__).parents[2] / "corpus" / "pins"
PROGRAMS = {path.stem: load(path) for path in find([CORPUS])}

FOUND = {"page-bit": "page-bit-loses-a-pin", "lru-field": "lru-field-overwrites-pgmap"}
"""What search ends at on a kernel with each of the designs that do not work."""

SURVIVE = ("none", "biased", "pincount")
STEPS = 40_000


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("pins", sorted(FOUND))
def test_design_fails_by_itself_and_ends_at_the_known_program(pins: str, seed: int) -> None:
    target = Sim(pins=pins)
    explorer = Explorer(target, seed)
    failure = None
    while failure is None:
        failure = explorer.explore()
        assert explorer.steps < STEPS
    known = PROGRAMS[FOUND[pins]]
    assert reduce(failure.ops, lambda ops: run(ops, target).violation is not None) == known.ops
    violation = run(known.ops, target).violation
    assert violation is not None
    assert violation.property == known.expected_property


@pytest.mark.parametrize("pins", SURVIVE)
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_program_passes_with_each_scheme_that_works(program: Program, pins: str) -> None:
    with Replayer(pins=pins) as replayer:
        verdict = replayer.replay(program)
    assert verdict.is_expected
    assert verdict.verdict == "pass"


def test_each_program_is_about_a_design_that_fails() -> None:
    assert {program.pins for program in PROGRAMS.values()} == set(FOUND)
    assert all(program.expected_property for program in PROGRAMS.values())
