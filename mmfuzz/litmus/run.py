"""Explores a litmus test to the end, and says what herd7 would: how it can end, and whether the condition is met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmfuzz.errors import UsageError
from mmfuzz.interleave.machine import Machine
from mmfuzz.interleave.memory import MODELS, WEAK
from mmfuzz.interleave.search import Exhaustive
from mmfuzz.litmus.machine import LitmusMachine
from mmfuzz.litmus.parser import parse_litmus, read_litmus
from mmfuzz.litmus.syntax import ALWAYS, NEVER, SOMETIMES, LitmusTest, Value, holds
from mmfuzz.litmus.threads import Locations, Running

EXECUTIONS_MAX = 1_000_000
"""Executions of a test at most; `complete` tells whether they were enough."""


@dataclass(frozen=True, slots=True)
class State:
    """One way in which a test can end."""

    values: Mapping[str, Value]
    """Of `0:r1` and of `x`, as the condition calls them."""
    executions: int
    """How many of those that were explored ended so."""
    matches: bool
    """Whether it is one that the condition describes."""

    def __str__(self) -> str:
        return " ".join(f"{_shown(name)}={value};" for name, value in self.values.items())


def _shown(name: str) -> str:
    return name if ":" in name else f"[{name}]"


@dataclass(frozen=True, slots=True)
class LitmusResult:
    """What became of a litmus test under one model of memory."""

    name: str
    path: str
    memory: str
    condition: str
    """With its quantifier."""
    exists: str
    """How often the condition, without its quantifier, was met: `Never`, `Sometimes` or `Always`."""
    holds: bool
    """Whether the condition is true with its quantifier."""
    states: tuple[State, ...]
    executions: int
    pruned: int
    """Executions that were given up as others of the same outcome had been seen."""
    complete: bool
    """Everything was explored; otherwise `Never` and `Always` mean: so far."""
    deadlocks: int
    """Executions that came to no end, as threads wait for each other; they have no state."""
    data_races: tuple[str, ...]
    """Locations with a plain access that nothing orders before or after another one."""
    claimed: str
    """What the test's comments say that `exists` is; empty when they say nothing."""

    def as_json(self) -> dict[str, object]:
        """For the command line."""
        return {
            "name": self.name,
            "path": self.path,
            "memory": self.memory,
            "exists": self.exists,
            "condition": self.condition,
            "holds": self.holds,
            "states": [
                {
                    "state": {
                        name: value if isinstance(value, int) else str(value)
                        for name, value in state.values.items()
                    },
                    "executions": state.executions,
                    "matches": state.matches,
                }
                for state in self.states
            ],
            "executions": self.executions,
            "pruned": self.pruned,
            "complete": self.complete,
            "deadlocks": self.deadlocks,
            "data_races": list(self.data_races),
            "claimed": self.claimed,
        }


def run_litmus(
    source: Path | str | LitmusTest,
    memory: str = WEAK,
    *,
    executions_max: int = EXECUTIONS_MAX,
    reduce: bool = True,
) -> LitmusResult:
    """Explore a test: a file, the text itself, or one that was read already.

    `reduce` leaves out executions that differ only in the order of steps that have nothing to do with each other.
    """
    if memory not in MODELS:
        raise UsageError(f"{memory!r} is no model of memory: one of {', '.join(MODELS)}")
    if isinstance(source, Path):
        source = read_litmus(source)
    test = parse_litmus(source) if isinstance(source, str) else source
    exploration = _Exploration(test, memory)
    return exploration.run(Exhaustive(reduce=reduce), executions_max)


class _Exploration:
    """All executions of a test."""

    def __init__(self, test: LitmusTest, memory: str) -> None:
        self.test = test
        self.memory = memory
        self.counts: dict[tuple[Value, ...], int] = {}
        self.deadlocks = 0
        self.racy: dict[str, None] = {}

    def run(self, search: Exhaustive, executions_max: int) -> LitmusResult:
        """One after the other."""
        executions = 0
        while executions < executions_max and search.begin():
            executions += 1
            self._execute(search)
        return self._result(executions, search)

    def _execute(self, search: Exhaustive) -> None:
        machine = LitmusMachine(search, self.memory)
        locations = Locations(self.test)
        threads = [Running(thread, machine, locations) for thread in self.test.threads]
        machine.run([(f"P{number}", thread.run) for number, thread in enumerate(threads)])
        search.end(machine)
        if machine.cut:
            return
        if machine.stuck or machine.failure is not None:
            self.deadlocks += 1
            return
        self._count(machine, locations, threads)

    def _count(self, machine: Machine, locations: Locations, threads: list[Running]) -> None:
        """An execution came to its end."""
        final: dict[str, Value] = {}
        for name in self.test.shown:
            number, _, register = name.rpartition(":")
            if number:
                final[name] = threads[int(number)].registers[register].value
            else:
                final[name] = locations.cells[name].newest
        if not holds(self.test.filter, final):
            return
        key = tuple(final.values())
        self.counts[key] = self.counts.get(key, 0) + 1
        for race in machine.data_races.values():
            self.racy.setdefault(race.cell)

    def _result(self, executions: int, search: Exhaustive) -> LitmusResult:
        test = self.test
        states = []
        for key, count in sorted(self.counts.items(), key=lambda item: [_rank(value) for value in item[0]]):
            values = dict(zip(test.shown, key, strict=True))
            states.append(State(values, count, holds(test.condition, values)))
        met = sum(state.matches for state in states)
        verdict = NEVER if not met else ALWAYS if met == len(states) else SOMETIMES
        wanted = {"exists": met > 0, "~exists": met == 0, "forall": met == len(states)}
        return LitmusResult(
            name=test.name,
            path=test.path,
            memory=self.memory,
            condition=test.condition_text,
            exists=verdict,
            holds=wanted[test.quantifier],
            states=tuple(states),
            executions=executions,
            pruned=search.pruned,
            complete=search.complete,
            deadlocks=self.deadlocks,
            data_races=tuple(self.racy),
            claimed=test.claimed.get(self.memory, test.claimed.get("", "")),
        )


def _rank(value: Value) -> tuple[bool, int, str]:
    """Numbers before pointers, each in its order."""
    return (False, value, "") if isinstance(value, int) else (True, 0, value.name)
