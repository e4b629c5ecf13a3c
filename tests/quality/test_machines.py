"""The rule machine as a finder of planted bugs: it ends at the same programs as campaigns do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from mmfuzz.corpus import load
from mmfuzz.strategies.machines import fuzz
from mmfuzz.targets.sim import Sim

PLANTED = Path(__file__).parents[2] / "corpus" / "planted"

BUDGET = settings(max_examples=500, stateful_step_count=50, database=None, print_blob=False)


@pytest.mark.parametrize("name", ["fork-no-ref", "pin-counts-one", "zap-no-put", "pmd-split-n-refs"])
def test_the_machine_ends_at_the_known_reproducer(name: str, tmp_path: Path) -> None:
    findings = fuzz(Sim(plant=name), tmp_path, budget=BUDGET, seeded=0)

    known = load(PLANTED / f"{name}.mm")
    assert (known.expected_property, known.ops) in [(found.property, found.ops) for found in findings]
    assert {found.path for found in findings} == set(tmp_path.iterdir()), "only minimal programs stay"


def test_the_same_seed_makes_the_same_run(tmp_path: Path) -> None:
    runs = [fuzz(Sim(plant="fork-no-map"), tmp_path, budget=BUDGET, seeded=1) for _ in range(2)]

    assert runs[0]
    assert runs[0] == runs[1]
