"""Races that nobody wrote: a set-up, and two threads of operations of the same vocabulary. And schedules, drawn.

A generated race is a program like any other, so it is explored, shrunk, saved and replayed as the written ones are.
"""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from mmfuzz import ops
from mmfuzz.interleave.search import Drawn
from mmfuzz.ops import OPERATIONS, Operation
from mmfuzz.program import Program, Thread
from mmfuzz.session import Session
from mmfuzz.strategies.choose import Chooser
from mmfuzz.strategies.universe import Universe
from mmfuzz.targets.sim import Sim

HUGE_ORDER = 1
"""Areas of two pages: every mechanism that a race is about is there, and executions stay short."""

RACING: tuple[type[Operation], ...] = (
    ops.Fault, ops.Pin, ops.Unpin, ops.Get, ops.Put, ops.Dontneed, ops.Unmap, ops.Free, ops.Fork, ops.Exit, ops.Split,
    ops.SplitMap, ops.Collapse, ops.SwapOut, ops.SwapIn, ops.Migrate,
)  # fmt: skip
"""Kinds that threads are given: those of anonymous memory that two of may be under way at the same time."""

SET_UP_MAX, THREAD_MAX = 8, 2
"""Operations of a set-up, and of a thread, at most."""

UNIVERSE = Universe(processes=2, areas=2, pages=1 << HUGE_ORDER, handles=4)


def race(seed: int, *, kernel: str, memory: str = "sc", threads: int = 2) -> Program:
    """The race of a seed. Each thread's operations apply one after the other, were it alone."""
    random = Random(seed)
    set_up = _operations(
        random, kernel, (), random.randint(3, SET_UP_MAX), OPERATIONS[: len(ops.FAMILIES["anonymous memory"])]
    )
    bodies = [
        _operations(random, kernel, set_up, random.randint(1, THREAD_MAX), RACING) for _ in range(threads)
    ]
    return Program(
        ops=set_up,
        threads=tuple(
            Thread(name, body) for name, body in zip(("one", "other", "third"), bodies, strict=False)
        ),
        kernel=kernel,
        huge=HUGE_ORDER,
        memory=memory,
        found=f"generated, seed {seed}",
    )


def _operations(
    random: Random, kernel: str, before: tuple[Operation, ...], count: int, kinds: tuple[type[Operation], ...]
) -> tuple[Operation, ...]:
    """So many operations of some kinds, that apply after others were done."""
    session = Session(Sim(kernel, huge_order=HUGE_ORDER))
    for op in before:
        session.step(op)
    chooser = Chooser(UNIVERSE, random, frozenset(OPERATIONS) - frozenset(kinds))
    chooser.swarm(whole_set=True)
    found: list[Operation] = []
    for _ in range(4 * count):
        op = chooser.next(session.world)
        if type(op) in kinds and session.step(op).skipped is None:
            found.append(op)
            if len(found) == count:
                break
    return tuple(found)


def drawn_schedules(
    *, turns_max: int = 6, sights_max: int = 3, steps_max: int = 120
) -> st.SearchStrategy[Drawn]:
    """Schedules that depart from the plain one at few places. What is simpler stops threads less often."""
    turns = st.lists(st.tuples(st.integers(0, steps_max), st.integers(0, 2)), max_size=turns_max)
    sights = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 3)), max_size=sights_max)
    return st.builds(Drawn, turns, sights)
