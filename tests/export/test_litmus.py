"""What is exported as a litmus test can end as the execution did that it is from."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmfuzz import corpus
from mmfuzz.errors import UsageError
from mmfuzz.export.litmus import to_litmus
from mmfuzz.interleave.memory import MODELS, Cell
from mmfuzz.interleave.search import Random
from mmfuzz.interleave.trace import Execution
from mmfuzz.interleave.waiting import Lock, Processors
from mmfuzz.litmus import run_litmus
from mmfuzz.race.explore import Settings, explore

PLANTED = Path(__file__).parents[2] / "corpus/planted"

Step = tuple[str, int]
STEPS: dict[str, Callable[[Processors, Cell, Lock, int], object]] = {
    "read": lambda machine, cell, lock, mark: machine.load(cell),
    "acquire": lambda machine, cell, lock, mark: machine.load(cell, "acquire"),
    "write": lambda machine, cell, lock, mark: machine.store(cell, mark),
    "release": lambda machine, cell, lock, mark: machine.store(cell, mark, "release"),
    "add": lambda machine, cell, lock, mark: machine.rmw(cell, lambda value: value + mark, ""),
    "add full": lambda machine, cell, lock, mark: machine.rmw(cell, lambda value: value + mark),
    "mb": lambda machine, cell, lock, mark: machine.barrier("smp_mb"),
    "rmb": lambda machine, cell, lock, mark: machine.barrier("smp_rmb"),
    "wmb": lambda machine, cell, lock, mark: machine.barrier("smp_wmb"),
    "locked": lambda machine, cell, lock, mark: _between(machine, cell, machine.lock, machine.unlock, lock),
    "try": lambda machine, cell, lock, mark: _try(machine, lock),
    "irqs": lambda machine, cell, lock, mark: _between(machine, cell, machine.irqs_off, machine.irqs_on),
    "rcu": lambda machine, cell, lock, mark: _between(machine, cell, machine.rcu_lock, machine.rcu_unlock),
    "ipi": lambda machine, cell, lock, mark: machine.interrupt_others(),
    "grace": lambda machine, cell, lock, mark: machine.grace_period(),
    "zone": lambda machine, cell, lock, mark: machine.critical(lock),
}


def _between(
    machine: Processors, cell: Cell, enter: Callable[..., None], leave: Callable[..., None], *of: Lock
) -> None:
    enter(*of)
    machine.load(cell)
    leave(*of)


def record(threads: tuple[tuple[Step, ...], ...], memory: str, seed: int) -> Execution:
    """One execution at random, with its events."""
    machine = Processors(Random(seed), memory, record=True)
    cells = [Cell(f"x{number}", 0) for number in range(2)]
    locks = [Lock(f"lock {number}") for number in range(2)]

    def body(number: int) -> Callable[[], None]:
        def run() -> None:
            for place, (what, which) in enumerate(threads[number]):
                STEPS[what](machine, cells[which], locks[which], 1 + number * 4 + place)

        return run

    names = tuple(f"t{number}" for number in range(len(threads)))
    machine.run([(name, body(number)) for number, name in enumerate(names)])
    assert machine.recording is not None
    return Execution(machine.schedule, names, machine.steps, events=tuple(machine.recording.events))


def _try(machine: Processors, lock: Lock) -> None:
    if machine.trylock(lock):
        machine.unlock(lock)


steps = st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 1))
programs = st.lists(st.lists(steps, min_size=1, max_size=3).map(tuple), min_size=2, max_size=3).map(tuple)


@pytest.mark.parametrize("memory", MODELS)
@given(programs, st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_exported_execution_can_happen(memory: str, threads: tuple[tuple[Step, ...], ...], seed: int) -> None:
    execution = record(threads, memory, seed)
    try:
        text = to_litmus(execution, "exported")
    except UsageError:
        assume(False)
    result = run_litmus(text, executions_max=2_000)
    assert not result.complete or result.exists in ("Sometimes", "Always"), text


def exported(name: str) -> str:
    """The litmus test of a planted race."""
    program = corpus.load(PLANTED / f"{name}.mm")
    found = explore(name, program, Settings(plant=program.plant)).minimal
    assert found is not None
    return to_litmus(found, name, [f"A race with {name}."])


def test_race_of_weak_memory_needs_the_barrier_that_was_left_out() -> None:
    text = exported("put-tail-without-second-rmb")
    assert run_litmus(text, "weak").exists == "Sometimes"
    assert run_litmus(text, "sc").exists == "Never"
    assert run_litmus(text, "tso").exists == "Never"

    put, split = text.split("P1(")
    last_read = re.findall(r"\t+r\d+ = READ_ONCE\(\*frame_1_head\);\n", put)[-1]
    repaired = put.replace(last_read, "\t\tsmp_rmb();\n" + last_read) + "P1(" + split
    assert run_litmus(repaired, "weak").exists == "Never"


def test_race_of_interleaving_happens_under_every_model() -> None:
    text = exported("get-tail-without-lock")
    assert {run_litmus(text, memory).exists for memory in MODELS} == {"Sometimes"}


def test_what_shares_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="no thread reads or overwrites what another one wrote"):
        to_litmus(record(((("read", 0),), (("write", 1),)), "sc", 1), "nothing")
