"""What a step costs, as ratios measured in one run: `python benchmarks/speed.py`.

- The rule machine against a machine of as many rules, drawing the same, with empty bodies: at least 0.5.
- The campaign's search on the simulated kernel, checks on, against the rule machine: at least 8.
- The search with 64, 1,024 and 16,384 frames: within 1.3 of each other.

Timings are noisy: each figure is the best of `ROUNDS` interleaved rounds, and only ratios are judged.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from mmfuzz import ops
from mmfuzz.campaign.explore import Explorer
from mmfuzz.strategies.machines import machine
from mmfuzz.strategies.operations import operations
from mmfuzz.targets.base import Target
from mmfuzz.targets.sim import Sim

ROUNDS = 4
MACHINE_PROGRAMS = 80
MACHINE_STEPS = 50
SEARCH_STEPS = 15_000


def machine_speed(kind: type[RuleBasedStateMachine], number: int) -> float:
    """Rules executed in a second by a rule machine."""
    quick = settings(
        max_examples=MACHINE_PROGRAMS,
        stateful_step_count=MACHINE_STEPS,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    calls = Calls()
    counted = type(kind.__name__, (kind,), {"check_invariants": calls.counting(kind.check_invariants)})
    start = time.perf_counter()
    run_state_machine_as_test(seed(number)(counted), settings=quick)
    return calls.number / (time.perf_counter() - start)


class Calls:
    """Counts the steps of rule machines: invariants are looked at once before the first and after each."""

    def __init__(self) -> None:
        self.number = 0

    def counting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, counted."""

        def call(*arguments: Any, **named: Any) -> Any:
            self.number += 1
            return method(*arguments, **named)

        return call


def empty_machine() -> type[RuleBasedStateMachine]:
    """As many rules as the vocabulary has, with the same draws and nothing to do."""
    rules = {}
    for kind in ops.OPERATIONS:
        name = ops.NAMES[kind]
        namespace: dict[str, Any] = {}
        exec(f"def {name}(self, op=None): pass", namespace)
        arguments = {} if kind is ops.Drain else {"op": operations(kind)}
        make: Any = rule
        rules[name] = make(**arguments)(namespace[name])
    return type("EmptyMachine", (RuleBasedStateMachine,), rules)


def search_speed(target: Target, number: int, steps: int, *, guided: bool) -> float:
    """Steps done in a second by a campaign's search."""
    explorer = Explorer(target, number, guided=guided)
    start = time.perf_counter()
    while explorer.steps < steps:
        if explorer.explore() is not None:
            raise SystemExit("a property failed; run `mmfuzz fuzz` to see it")
    return explorer.steps / (time.perf_counter() - start)


def best(figures: dict[str, Callable[[int], float]]) -> dict[str, float]:
    """The best of several rounds of each figure, taken in turn so that noise hits all alike."""
    found: dict[str, float] = dict.fromkeys(figures, 0.0)
    for number in range(ROUNDS):
        for name, measure in figures.items():
            found[name] = max(found[name], measure(number))
    return found


def simulated() -> bool:
    """Print the figures of the simulated kernel; whether all bounds hold."""
    sizes = (64, 1024, 16384)
    figures: dict[str, Callable[[int], float]] = {
        "empty machine": lambda number: machine_speed(empty_machine(), number),
        "rule machine": lambda number: machine_speed(machine(Sim()), number),
        "campaign, guided": lambda number: search_speed(Sim(), number, SEARCH_STEPS, guided=True),
        "campaign, blind": lambda number: search_speed(Sim(), number, SEARCH_STEPS, guided=False),
    }
    for size in sizes:
        figures[f"{size} frames"] = lambda number, size=size: search_speed(  # type: ignore[misc]
            Sim(frames=size), 0, SEARCH_STEPS, guided=False
        )
    found = best(figures)
    for name, speed in found.items():
        print(f"{name:<20} {speed:>9,.0f} steps/s")
    by_size = [found[f"{size} frames"] for size in sizes]
    return all(
        [
            bound("rule machine / empty machine", found["rule machine"] / found["empty machine"], least=0.5),
            bound("campaign / rule machine", found["campaign, guided"] / found["rule machine"], least=8),
            bound("fastest / slowest memory size", max(by_size) / min(by_size), most=1.3),
        ]
    )


def bound(name: str, value: float, *, least: float = 0.0, most: float = float("inf")) -> bool:
    """Print a ratio with its bound; whether it holds."""
    wanted = f"at least {least:g}" if least else f"at most {most:g}"
    holds = least <= value <= most
    print(f"{name:<32} {value:>8.2f}  ({wanted}){'' if holds else '  MISSED'}")
    return holds


if __name__ == "__main__":
    sys.exit(0 if simulated() else 1)
