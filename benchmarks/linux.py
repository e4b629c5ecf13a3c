"""How fast the search is on the running kernel, and where its time goes: `python benchmarks/linux.py [SWAP]`.

2 MiB of memory (one area) and up to four processes, guided as `mmfuzz fuzz` is, checks on; the median of
`ROUNDS` rounds from different seeds, whose programs differ in how many pages they touch. The bound is 1,000
steps/s. SWAP is what `mmfuzz fuzz --swap` takes. Needs root.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from mmfuzz.campaign.explore import Explorer
from mmfuzz.campaign.worker import seldom_collected
from mmfuzz.observation import Report
from mmfuzz.ops import Operation
from mmfuzz.session import Session
from mmfuzz.strategies.universe import Universe
from mmfuzz.targets.base import Target
from mmfuzz.targets.linux import Linux

ROUNDS = 5
STEPS = 3_000
STEPS_PER_SECOND_MIN = 1_000
UNIVERSE = Universe(areas=1, processes=4, pages=8, huge_order=9)


@dataclass(slots=True)
class Clock:
    """Seconds inside the sessions of one search."""

    steps: float = 0.0
    starts: float = 0.0


class ClockedSession(Session):
    """A session that says how long it took."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self._clock = clock
        start = time.perf_counter()
        super().__init__(target)
        clock.starts += time.perf_counter() - start

    def do(self, op: Operation) -> Report:
        start = time.perf_counter()
        try:
            return super().do(op)
        finally:
            self._clock.steps += time.perf_counter() - start


class ClockedExplorer(Explorer):
    """A search whose sessions are clocked."""

    def __init__(self, target: Linux, seed: int) -> None:
        super().__init__(target, seed, universe=UNIVERSE)
        self.clock = Clock()

    def _session(self) -> Session:
        return ClockedSession(self.target, self.clock)


@dataclass(frozen=True, slots=True)
class Round:
    """One search: its speed, and each part's share of its seconds."""

    steps_per_second: float
    programs: int
    shares: dict[str, float]


def search(target: Linux, seed: int) -> Round:
    """Search for `STEPS` steps."""
    explorer = ClockedExplorer(target, seed)
    timing = target.timing
    calls, reads, settling = timing.calls, timing.reads, timing.settling
    with seldom_collected():
        start = time.perf_counter()
        while explorer.steps < STEPS:
            failure = explorer.explore()
            if failure is not None:
                raise SystemExit(failure.violation.report())
        seconds = time.perf_counter() - start
    calls, reads, settling = timing.calls - calls, timing.reads - reads, timing.settling - settling
    clock = explorer.clock
    parts = {
        "system calls, and the way to the processes and back": calls,
        "reading page tables and folios": reads - settling,
        "settling": settling,
        "model and checks": clock.steps - calls - reads,
        "a new process for each program": clock.starts,
        "choosing, guiding, and the sweeps at the end": seconds - clock.steps - clock.starts,
    }
    return Round(
        explorer.steps / seconds,
        explorer.programs,
        {name: part / seconds for name, part in parts.items()},
    )


def main(swap: str | None) -> bool:
    """Print the figures; whether the bound holds."""
    target = Linux(areas=UNIVERSE.areas, swap=swap)
    try:
        rounds = [search(target, seed) for seed in range(ROUNDS)]
    finally:
        target.close()
    median = sorted(rounds, key=lambda one: one.steps_per_second)[ROUNDS // 2]
    speeds = ", ".join(f"{one.steps_per_second:,.0f}" for one in rounds)
    print(
        f"{STEPS:,} steps in some {median.programs} programs on linux {target.traits.kernel}: {speeds} steps/s"
    )
    for name, share in median.shares.items():
        print(f"{share:>7.1%}  {name}")
    holds = median.steps_per_second >= STEPS_PER_SECOND_MIN
    verdict = "" if holds else "  MISSED"
    print(f"median: {median.steps_per_second:,.0f} steps/s  (at least {STEPS_PER_SECOND_MIN:,}){verdict}")
    return holds


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1] if len(sys.argv) > 1 else None) else 1)
