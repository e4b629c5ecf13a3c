"""The litmus tests of this folder end as the Linux kernel's memory model says, under each model of memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmfuzz.interleave.memory import MODELS
from mmfuzz.litmus import read_litmus, run_litmus

TESTS = sorted(Path(__file__).parent.glob("*.litmus"))


@pytest.mark.parametrize("memory", MODELS)
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_outcome_is_the_claimed_one(path: Path, memory: str) -> None:
    test = read_litmus(path)
    assert test.name == path.stem
    assert "" in test.claimed, "a 'Result:' line says what the kernel's memory model has"
    result = run_litmus(test, memory)
    assert result.complete
    assert result.exists == result.claimed, [str(state) for state in result.states]


def test_only_load_buffering_departs_from_the_kernels_memory_model() -> None:
    departs = [path.stem for path in TESTS if "weak" in read_litmus(path).claimed]
    assert departs == ["LB+mb+po", "LB", "RCU+read+read+gp"]


@pytest.mark.parametrize(
    "name", ["SB+between-inc", "IRIW+rmbs", "MP+lock+islocked", "RCU+read+remove", "get-unless-zero+put"]
)
@pytest.mark.parametrize("memory", MODELS)
def test_reduction_loses_no_state(name: str, memory: str) -> None:
    path = Path(__file__).parent / f"{name}.litmus"
    reduced = run_litmus(path, memory)
    everything = run_litmus(path, memory, reduce=False)
    assert everything.complete
    assert {str(state) for state in reduced.states} == {str(state) for state in everything.states}
    assert reduced.executions <= everything.executions


def test_deadlock_has_no_state() -> None:
    result = run_litmus(Path(__file__).parent / "lock-ABBA.litmus")
    assert result.deadlocks > 0
    assert [str(state) for state in result.states] == ["1:r0=0;", "1:r0=1;"]


def test_exploration_that_is_cut_short_says_so() -> None:
    result = run_litmus(Path(__file__).parent / "IRIW.litmus", executions_max=3)
    assert (result.executions, result.complete) == (3, False)
