"""Small concurrent programs as data, and what every exploration of one may end in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmfuzz.interleave.memory import Cell
from mmfuzz.interleave.search import Search
from mmfuzz.interleave.waiting import Lock, Processors

Step = tuple[str, int]
"""What a thread does, and to which of the locations or locks."""

CELLS = 2
STEPS = (
    "read", "write", "acquire", "release", "plain", "add", "add full", "mb", "rmb", "wmb",
    "lock", "down", "try", "irqs", "ipi", "rcu", "grace",
)  # fmt: skip
"""Each is one line of `_does`."""


@dataclass
class Outcomes:
    """What came of exploring a program."""

    seen: dict[object, int]
    executions: int
    pruned: int
    complete: bool


def _does(machine: Processors, cell: Cell, lock: Lock, what: str, mark: int) -> object:
    """One step of a thread, and what it sees. Who takes something looks at the location before he leaves it."""
    if what in _ACCESSES:
        return _ACCESSES[what](machine, cell, mark)
    if what in _BARRIERS:
        return _BARRIERS[what](machine)
    if what == "try":
        if not machine.trylock(lock):
            return False
        machine.store(cell, mark)
        machine.unlock(lock)
        return True
    _enter(machine, lock, what)
    seen = machine.load(cell).value
    _leave(machine, lock, what)
    return seen


_ACCESSES: dict[str, Callable[[Processors, Cell, int], object]] = {
    "read": lambda machine, cell, mark: machine.load(cell).value,
    "acquire": lambda machine, cell, mark: machine.load(cell, "acquire").value,
    "plain": lambda machine, cell, mark: machine.load(cell, "plain").value,
    "write": lambda machine, cell, mark: machine.store(cell, mark),
    "release": lambda machine, cell, mark: machine.store(cell, mark, "release"),
    "add": lambda machine, cell, mark: machine.rmw(cell, lambda value: value * 10 + mark, "")[0],
    "add full": lambda machine, cell, mark: machine.rmw(cell, lambda value: value * 10 + mark)[0],
}
_BARRIERS: dict[str, Callable[[Processors], object]] = {
    "mb": lambda machine: machine.barrier("smp_mb"),
    "rmb": lambda machine: machine.barrier("smp_rmb"),
    "wmb": lambda machine: machine.barrier("smp_wmb"),
    "ipi": lambda machine: machine.interrupt_others(),
    "grace": lambda machine: machine.grace_period(),
}


def _enter(machine: Processors, lock: Lock, what: str) -> None:
    if what in ("lock", "down"):
        machine.lock(lock, shared=what == "down")
    elif what == "irqs":
        machine.irqs_off()
    else:
        machine.rcu_lock()


def _leave(machine: Processors, lock: Lock, what: str) -> None:
    if what in ("lock", "down"):
        machine.unlock(lock, shared=what == "down")
    elif what == "irqs":
        machine.irqs_on()
    else:
        machine.rcu_unlock()


def explore(
    threads: tuple[tuple[Step, ...], ...], memory: str, search: Search, *, executions: int = 10**9
) -> Outcomes:
    """Every outcome that a search comes upon: what each thread saw, and what is there at the end."""
    found: dict[object, int] = {}
    done = 0
    while done < executions and search.begin():
        machine = Processors(search, memory)
        cells = [Cell(f"x{number}", 0) for number in range(CELLS)]
        locks = [Lock(f"l{number}") for number in range(CELLS)]
        sees: list[list[object]] = [[] for _ in threads]

        def body(number: int) -> Callable[[], None]:
            def run() -> None:
                for place, (what, which) in enumerate(threads[number]):
                    mark = 1 + number * 3 + place
                    sees[number].append(_does(machine, cells[which], locks[which], what, mark))  # noqa: B023

            return run

        machine.run([(f"t{number}", body(number)) for number in range(len(threads))])
        search.end(machine)
        if machine.cut:
            continue
        done += 1
        last = tuple(cell.newest for cell in cells)
        outcome = ("stuck" if machine.stuck else "", tuple(map(tuple, sees)), last)
        found[outcome] = found.get(outcome, 0) + 1
    return Outcomes(found, done, getattr(search, "pruned", 0), getattr(search, "complete", False))
