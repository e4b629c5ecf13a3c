"""What a step costs, as ratios measured in one run: `python benchmarks/speed.py`.

- The rule machine against a machine of as many rules, drawing the same, with empty bodies: at least 0.5 of its
  rules/s.
- The campaign's search against the rule machine on the simulated kernel, in operations done and checked in a
  second: at least 8. Rules whose operation does not apply, and planned operations that do not, count for neither.
  The ratio of what both call steps, skipped ones included, is printed beside it.
- The search with 64, 1,024 and 16,384 frames: within 1.3 of each other.

Timings are noisy: each figure is the best of `ROUNDS` interleaved rounds, and only ratios are judged. The running
kernel has a benchmark of its own, `linux.py`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from mmfuzz import ops
from mmfuzz.campaign.explore import Explorer
from mmfuzz.campaign.worker import seldom_collected
from mmfuzz.observation import Report
from mmfuzz.ops import Operation
from mmfuzz.strategies.machines import machine
from mmfuzz.strategies.operations import operations
from mmfuzz.targets.sim import FRAMES, Sim

ROUNDS = 4
MACHINE_PROGRAMS = 80
MACHINE_STEPS = 50
SEARCH_STEPS = 15_000


class Counted(Sim):
    """A simulated kernel that counts the operations it does."""

    def __init__(self, frames: int = FRAMES) -> None:
        super().__init__(frames=frames)
        self.done = 0

    def apply(self, op: Operation, step: int) -> Report:
        self.done += 1
        return super().apply(op, step)


def machine_speed(kind: type[RuleBasedStateMachine], number: int) -> tuple[float, float]:
    """Rules executed, and operations done, in a second by a rule machine."""
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
    target = getattr(kind, "target", None)
    start = time.perf_counter()
    run_state_machine_as_test(seed(number)(counted), settings=quick)
    seconds = time.perf_counter() - start
    return calls.number / seconds, getattr(target, "done", 0) / seconds


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


def search_speed(target: Counted, number: int, *, guided: bool) -> tuple[float, float]:
    """Steps, and operations done, in a second by a campaign's search."""
    explorer = Explorer(target, number, guided=guided)
    with seldom_collected():
        start = time.perf_counter()
        while explorer.steps < SEARCH_STEPS:
            if explorer.explore() is not None:
                raise SystemExit("a property failed; run `mmfuzz fuzz` to see it")
        seconds = time.perf_counter() - start
    return explorer.steps / seconds, target.done / seconds


Figure = Callable[[int], tuple[float, float]]


def best(figures: dict[str, Figure]) -> dict[str, tuple[float, float]]:
    """The best of several rounds of each figure, taken in turn so that noise hits all alike."""
    found: dict[str, tuple[float, float]] = dict.fromkeys(figures, (0.0, 0.0))
    for number in range(ROUNDS):
        for name, measure in figures.items():
            found[name] = max(found[name], measure(number))
    return found


def simulated() -> bool:
    """Print the figures of the simulated kernel; whether all bounds hold."""
    sizes = (64, 1024, 16384)
    figures: dict[str, Figure] = {
        "empty machine": lambda number: machine_speed(empty_machine(), number),
        "rule machine": lambda number: machine_speed(machine(Counted()), number),
        "campaign, guided": lambda number: search_speed(Counted(), number, guided=True),
        "campaign, blind": lambda number: search_speed(Counted(), number, guided=False),
    }
    for size in sizes:
        figures[f"{size} frames"] = partial(at_size, size)
    found = best(figures)
    for name, (steps, done) in found.items():
        print(f"{name:<18} {steps:>9,.0f} steps/s {done:>9,.0f} done and checked/s")
    (empty, _), rules, search = (found[name] for name in tuple(figures)[:3])
    by_size = [found[f"{size} frames"][0] for size in sizes]
    holds = [
        bound("rule machine / empty machine, rules", rules[0] / empty, least=0.5),
        bound("campaign / rule machine, done and checked", search[1] / rules[1], least=8),
        bound("fastest / slowest memory size", max(by_size) / min(by_size), most=1.3),
    ]
    print(f"{'campaign / rule machine, skipped included':<44} {search[0] / rules[0]:>8.2f}")
    return all(holds)


def at_size(size: int, number: int) -> tuple[float, float]:
    """Blind search, so that all sizes do the same programs."""
    return search_speed(Counted(frames=size), 0, guided=False)


def bound(name: str, value: float, *, least: float = 0.0, most: float = float("inf")) -> bool:
    """Print a ratio with its bound; whether it holds."""
    wanted = f"at least {least:g}" if least else f"at most {most:g}"
    holds = least <= value <= most
    print(f"{name:<44} {value:>8.2f}  ({wanted}){'' if holds else '  MISSED'}")
    return holds


if __name__ == "__main__":
    sys.exit(0 if simulated() else 1)
