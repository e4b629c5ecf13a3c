"""Threads that meet others wherever those are: reduction must not take that for something that commutes."""

from __future__ import annotations

import pytest

from mmfuzz.interleave.memory import MODELS
from mmfuzz.interleave.search import Exhaustive
from tests.interleave.conftest import Step, explore

PROGRAMS: dict[str, tuple[tuple[Step, ...], ...]] = {
    "a buffer that is empty or not": ((("write", 0),), (("ipi", 0), ("read", 0))),
    "old values before it only": (
        (("write", 0), ("write", 1), ("ipi", 0)),
        (("read", 1), ("read", 0)),
    ),
    "a section that begins meanwhile": (
        (("grace", 0), ("write", 0)),
        (("rcu", 0),),
    ),
    "store buffering with grace periods": (
        (("write", 0), ("grace", 0), ("read", 1)),
        (("write", 1), ("grace", 0), ("read", 0)),
    ),
    "one section that is waited for, and one that is not": (
        (("read", 0), ("grace", 0), ("write", 1)),
        (("rcu", 1), ("rcu", 1), ("rcu", 0)),
    ),
}


@pytest.mark.parametrize("memory", MODELS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_no_outcome_is_lost(name: str, memory: str) -> None:
    plain = explore(PROGRAMS[name], memory, Exhaustive(reduce=False))
    reduced = explore(PROGRAMS[name], memory, Exhaustive())

    assert plain.complete
    assert reduced.complete
    assert set(reduced.seen) == set(plain.seen)
