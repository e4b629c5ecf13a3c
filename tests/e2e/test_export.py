"""`mmfuzz export` from outside: what it writes, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

RACE = Path(__file__).parents[2] / "corpus/planted/put-tail-without-second-rmb.mm"


def mmfuzz(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mmfuzz", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


def test_exported_race_is_a_litmus_test_that_race_reads(tmp_path: Path) -> None:
    done = mmfuzz("export", RACE, "--to", "litmus", "-o", "race.litmus", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("race.litmus: Sometimes under weak, in ")
    assert "P1(" in (tmp_path / "race.litmus").read_text()

    explored = mmfuzz("race", "--litmus", "race.litmus", "--json", cwd=tmp_path)
    (result,) = json.loads(explored.stdout)["litmus"]
    assert (result["name"], result["exists"]) == (RACE.stem, "Sometimes")


def test_text_goes_to_standard_output_or_into_the_object(tmp_path: Path) -> None:
    text = mmfuzz("export", RACE, "--to", "litmus", cwd=tmp_path).stdout
    assert text.startswith(f"C {RACE.stem}\n")
    found = json.loads(mmfuzz("export", RACE, "--to", "litmus", "--json", cwd=tmp_path).stdout)
    assert found["text"] == text
    assert (found["exists"], found["memory"], found["output"]) == ("Sometimes", "weak", None)


def test_what_is_no_race_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "plain.mm").write_text("mmfuzz 1\n\nalloc p0 a0 base\n")
    done = mmfuzz("export", "plain.mm", "--to", "litmus", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "mmfuzz: plain.mm:1:1: it has no threads: only a race becomes a litmus test\n"
    done = mmfuzz("export", RACE, "--to", "litmus", "-o", "none/race.litmus", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "mmfuzz: none/race.litmus: no such file or directory\n")
