"""What a step costs against another revision: `python benchmarks/against.py REVISION`, at most 1.1 times as much.

Both revisions do and check the same programs of anonymous memory on profile 6.18, drawn by the older one, so that only
what a step costs is compared and not what is drawn. Revisions take turns; the best round of each counts, in CPU time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parents[1]
ROUNDS = 4
BOUND = 1.1

DRAW = """
import sys
from random import Random
from mmfuzz.program import format_op
from mmfuzz.session import Session
from mmfuzz.strategies.choose import Chooser
from mmfuzz.strategies.operations import DEFAULT
from mmfuzz.targets.sim import Sim

for seed in range(150):
    session, chooser = Session(Sim("6.18")), Chooser(DEFAULT, Random(seed))
    chooser.swarm(whole_set=True)
    for _ in range(60):
        op = chooser.next(session.world)
        if session.step(op).skipped is None:
            print(format_op(op))
    print()
"""

TIME = """
import gc
import sys
import time
from mmfuzz.program import parse
from mmfuzz.session import Session
from mmfuzz.targets.sim import Sim

programs = [parse("mmfuzz 1\\n\\n" + text + "\\n").ops for text in sys.stdin.read().split("\\n\\n") if text.strip()]
target, best = Sim("6.18"), float("inf")
gc.disable()
for _ in range(4):
    start, steps = time.process_time(), 0
    for ops in programs:
        session = Session(target)
        for op in ops:
            session.do(op)
        session.finish()
        steps += len(ops)
    best = min(best, (time.process_time() - start) / steps)
print(best * 1e6)
"""


def run(code: str, tree: Path, text: str = "") -> str:
    """What a piece of code prints when it runs on a revision's own mmfuzz."""
    env = os.environ | {"PYTHONPATH": str(tree)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, input=text, capture_output=True, text=True, check=True
    )
    return done.stdout


def compare(old: Path) -> int:
    """Print the cost of a step in both trees, in microseconds of CPU time, and judge the ratio."""
    programs = run(DRAW, old)
    costs: dict[Path, float] = {}
    for _ in range(ROUNDS):
        for tree in (old, HERE):
            costs[tree] = min(costs.get(tree, float("inf")), float(run(TIME, tree, programs)))
    ratio = costs[HERE] / costs[old]
    print(
        f"a step: {costs[old]:.1f} us then, {costs[HERE]:.1f} us now, {ratio:.2f} times as much (at most {BOUND})"
    )
    return 0 if ratio <= BOUND else 1


def main() -> int:
    """Check the revision out beside this one, for as long as it takes."""
    revision = sys.argv[1] if len(sys.argv) == 2 else ""
    if not revision:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "then"
        git = ["git", "-C", str(HERE), "worktree"]
        subprocess.run([*git, "add", "--detach", "--quiet", str(old), revision], check=True)
        try:
            return compare(old)
        finally:
            subprocess.run([*git, "remove", "--force", str(old)], check=True)


if __name__ == "__main__":
    sys.exit(main())
