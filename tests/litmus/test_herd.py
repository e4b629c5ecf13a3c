"""herd7, with the kernel's own model, agrees with what our litmus tests claim and with the states that we find.

It takes herd7 (`opam install herdtools7`) and the folder tools/memory-model of the kernel's sources, which
MMFUZZ_LKMM names: with that set, a herd7 that is missing is a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mmfuzz import corpus
from mmfuzz.export.litmus import to_litmus
from mmfuzz.litmus import read_litmus, run_litmus
from mmfuzz.race.explore import Settings, explore

TESTS = sorted(Path(__file__).parent.glob("*.litmus"))
MODEL = os.environ.get("MMFUZZ_LKMM", "")
pytestmark = pytest.mark.skipif(
    not MODEL, reason="set MMFUZZ_LKMM to tools/memory-model of the kernel's sources, and install herd7"
)


def herd(path: Path) -> tuple[str, set[str]]:
    """What herd7 says of a test: its observation, and the states."""
    program = shutil.which("herd7")
    assert program is not None, "herd7 is not on the PATH: opam install herdtools7"
    command = [program, "-conf", "linux-kernel.cfg", str(path.resolve())]
    done = subprocess.run(command, cwd=MODEL, capture_output=True, text=True, check=False, timeout=120)
    states = re.search(r"^States \d+\n(.*?)^(?:Ok|No)$", done.stdout, re.DOTALL | re.MULTILINE)
    observed = re.search(r"^Observation \S+ (\w+)", done.stdout, re.MULTILINE)
    assert states is not None, done.stdout + done.stderr
    assert observed is not None, done.stdout + done.stderr
    return observed[1], set(states[1].split("\n")) - {""}


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_herd_agrees(path: Path) -> None:
    observed, states = herd(path)
    test = read_litmus(path)
    assert test.claimed[""] == observed
    ours = {str(state) for state in run_litmus(test).states}
    assert ours <= states
    # What we do not find is load buffering.
    assert ours == states or path.stem in ("LB", "LB+mb+po", "RCU+read+read+gp", "WWC")


@pytest.mark.parametrize(
    "name", ["put-tail-without-second-rmb", "collapse-without-ipi", "fork-without-sequence"]
)
def test_herd_finds_what_was_exported(name: str, tmp_path: Path) -> None:
    program = corpus.load(Path(__file__).parents[2] / f"corpus/planted/{name}.mm")
    found = explore(name, program, Settings(plant=program.plant)).minimal
    assert found is not None
    path = tmp_path / "exported.litmus"
    path.write_text(to_litmus(found, name))
    observed, states = herd(path)
    assert observed == "Sometimes"
    assert {str(state) for state in run_litmus(path).states} <= states
