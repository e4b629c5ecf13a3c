"""Guided against blind search for a bug behind several rare states: `python benchmarks/guided.py [--seeds N]`.

Counts steps, not seconds: every operation that is done, planned in vain, or releases what a program left.
Guided search must need at most a tenth of blind search's steps, in the median over the seeds. A search that
was given up counts as its budget: the true ratio is then smaller than the one that is printed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from mmfuzz.campaign.explore import Explorer
from mmfuzz.targets.sim import Sim

SEEDS = 10
STEPS_MAX = 2_000_000
RATIO_MAX = 0.1


def steps_to_find(bug: str, seed: int, *, guided: bool, steps_max: int) -> tuple[int, bool]:
    """(steps until the bug was found or the search given up, whether it was found)."""
    explorer = Explorer(Sim(plant=bug), seed, guided=guided)
    while explorer.steps < steps_max:
        if explorer.explore() is not None:
            return explorer.steps, True
    return explorer.steps, False


def search(bug: str, seeds: int, *, guided: bool, steps_max: int) -> float:
    """The median of the steps that the seeds took, each printed."""
    name = "guided" if guided else "blind"
    steps = []
    for seed in range(seeds):
        start = time.monotonic()
        taken, found = steps_to_find(bug, seed, guided=guided, steps_max=steps_max)
        steps.append(taken)
        seconds = time.monotonic() - start
        outcome = "found" if found else "given up"
        print(f"{name:<6}  seed {seed:<2}  {taken:>9,} steps  {seconds:6.1f} s  {outcome}", flush=True)
    return statistics.median(steps)


def main() -> int:
    """Print both medians and their ratio; 1 when it is above `RATIO_MAX`."""
    parser = argparse.ArgumentParser(description="Guided against blind search, in steps.")
    parser.add_argument("--bug", default="deep-state", help="planted bug to look for (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=STEPS_MAX, metavar="N", help="budget of a search")
    chosen = parser.parse_args()
    guided = search(chosen.bug, chosen.seeds, guided=True, steps_max=chosen.steps)
    blind = search(chosen.bug, chosen.seeds, guided=False, steps_max=chosen.steps)
    ratio = guided / blind
    print(f"{chosen.bug}: guided {guided:,.0f}, blind {blind:,.0f} steps in the median: ratio {ratio:.3f}")
    return 0 if ratio <= RATIO_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
