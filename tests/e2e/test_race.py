"""`mmfuzz race` from outside: what it finds, saves and says, and its exit codes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mmfuzz.corpus import load
from mmfuzz.race.scenarios import scenarios

RACE = """mmfuzz 1
huge: 1
memory: sc

alloc p0 a0 base
fault p0 a0.0 write

thread fork
fork p0 p1

thread fault
fault p0 a0.1 write
"""
BROKEN = ("race.mm", "--plant", "fork-no-ref")


def mmfuzz(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mmfuzz", "race", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


def as_json(*words: str | Path, cwd: Path, code: int = 0) -> Any:
    done = mmfuzz(*words, "--json", cwd=cwd)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "race.mm").write_text(RACE)
    return tmp_path


def test_race_is_explored_to_the_end(folder: Path) -> None:
    result = as_json("race.mm", "--exhaustive", "--preemptions", "1", cwd=folder)
    (race,) = result["scenarios"]
    assert not race["failed"]
    assert race["exhaustive"]
    assert race["executions"] > 1
    assert (race["memory"], race["property"], race["schedule"]) == ("sc", None, None)


def test_failure_is_saved_as_a_race_that_does_the_same_again(folder: Path) -> None:
    (race,) = as_json(*BROKEN, cwd=folder, code=1)["scenarios"]
    assert race["failed"]
    assert race["planted"] == "fork-no-ref"
    path = folder / race["reproducer"]
    program = load(path)
    assert (program.plant, program.memory, program.schedule) == ("fork-no-ref", "sc", race["schedule"])
    assert program.expect == f"fail {race['property']}"
    (again,) = as_json(path, cwd=folder, code=1)["scenarios"]
    assert (again["property"], again["executions"]) == (race["property"], 1)
    assert again["message"] == race["message"]


def test_failure_is_a_picture_with_the_command_that_shows_it_again(folder: Path) -> None:
    done = mmfuzz(*BROKEN, "--html", "race.html", cwd=folder)
    assert done.returncode == 1
    assert ">>>>" in done.stdout
    command = re.search(r"^replay: +mmfuzz race (\S+)$", done.stdout, re.MULTILINE)
    assert command is not None
    again = mmfuzz(command[1], "--all", cwd=folder)
    assert again.returncode == 1
    assert ">>>>" in again.stdout
    assert "fork p0 p1 begins" in (folder / "race.html").read_text()
    assert not any(len(line) > 100 for line in done.stdout.splitlines() if not line.startswith("replay"))


def test_race_is_shrunk_to_what_it_needs(folder: Path) -> None:
    more = (
        RACE.replace("mmfuzz 1\n", "mmfuzz 1\nplant: fork-no-ref\nexpect: fail identity\n")
        + "dontneed p0 a0.1\n"
    )
    (folder / "race.mm").write_text(more)
    done = subprocess.run(
        [sys.executable, "-m", "mmfuzz", "shrink", "race.mm", "--json"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    result = json.loads(done.stdout)
    program = load(folder / result["reproducer"])
    assert [thread.name for thread in program.threads] == ["fork"]
    assert (result["operations_before"], result["operations"], result["switches"]) == (5, 3, 0)
    (again,) = as_json(result["reproducer"], cwd=folder, code=1)["scenarios"]
    assert again["property"] == result["property"]


def test_schedule_in_the_command_is_run_once(folder: Path) -> None:
    done = mmfuzz("race.mm", "--schedule", "a1", "--memory", "tso", cwd=folder)
    assert done.returncode == 0
    assert "nothing failed" in done.stdout
    assert "1 race: 1 execution, none failed" in done.stdout
    assert "mmfuzz race race.mm --memory tso --schedule" in done.stdout


def test_without_names_every_scenario_is_run_within_its_budget(tmp_path: Path) -> None:
    done = mmfuzz("--executions", "3", "--seed", "7", "--json", cwd=tmp_path)
    result = json.loads(done.stdout)
    assert result["seed"] == 7
    assert done.returncode == any(race["failed"] for race in result["scenarios"])
    assert [race["name"] for race in result["scenarios"]] == list(scenarios())
    assert all(race["executions"] <= 3 for race in result["scenarios"])


def test_interrupted_run_says_what_it_did(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mmfuzz", "race", "--executions", "1000000", "--time", "100s", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        assert "executions" in run.stderr.readline(), "a line of progress comes before long"
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
    result = json.loads(out)
    assert result["interrupted"]
    assert run.returncode == any(race["failed"] for race in result["scenarios"])
    assert err.splitlines()[-1].endswith("interrupted")


def test_generated_races_are_those_of_their_seeds(tmp_path: Path) -> None:
    words = ("--generated", "3", "--executions", "2", "--memory", "sc")
    first = mmfuzz(*words, "--seed", "5", "--json", cwd=tmp_path)
    again = mmfuzz(*words, "--seed", "5", "--json", cwd=tmp_path)
    races = json.loads(first.stdout)["scenarios"]
    assert [race["name"] for race in races] == ["generated-5", "generated-6", "generated-7"]
    others = json.loads(again.stdout)["scenarios"]
    for race, other in zip(races, others, strict=True):
        assert race["schedule"] == other["schedule"]
        assert race["reproducer"] == other["reproducer"]


def test_list_says_what_there_is_and_where_it_is_from(tmp_path: Path) -> None:
    listed = as_json("--list", cwd=tmp_path)["scenarios"]
    assert [entry["name"] for entry in listed] == list(scenarios())
    assert all(entry["note"] and len(entry["threads"]) > 1 for entry in listed)


LITMUS = """C MP+wmb+po
(* Result: {} *)
{{}}
P0(int *x, int *y) {{ WRITE_ONCE(*x, 1); smp_wmb(); WRITE_ONCE(*y, 1); }}
P1(int *x, int *y) {{ int r0; int r1; r0 = READ_ONCE(*y); r1 = READ_ONCE(*x); }}
exists (1:r0=1 /\\ 1:r1=0)
"""


@pytest.mark.parametrize(("memory", "exists", "states"), [("weak", "Sometimes", 4), ("sc", "Never", 3)])
def test_litmus_test_says_which_outcomes_there_are(
    memory: str, exists: str, states: int, tmp_path: Path
) -> None:
    (tmp_path / "mp.litmus").write_text(LITMUS.format("Sometimes"))
    (test,) = as_json("--litmus", "mp.litmus", "--memory", memory, cwd=tmp_path)["litmus"]
    assert (test["name"], test["exists"], len(test["states"])) == ("MP+wmb+po", exists, states)
    done = mmfuzz("--litmus", "mp.litmus", "--memory", memory, cwd=tmp_path)
    assert ("* 1:r0=1; 1:r1=0;" in done.stdout) == (exists == "Sometimes")


def test_litmus_tests_of_a_folder_are_a_line_each(tmp_path: Path) -> None:
    (tmp_path / "one.litmus").write_text(LITMUS.format("Sometimes"))
    (tmp_path / "two.litmus").write_text(LITMUS.format("Never"))
    one, two = mmfuzz("--litmus", ".", cwd=tmp_path).stdout.splitlines()
    assert re.fullmatch(r"MP\+wmb\+po  Sometimes +4 states +\d+ executions", one)
    assert two == f"{one} (its comments say Never)"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["put-tail-against-spilt"], "unknown scenario 'put-tail-against-spilt': did you mean put-tail-against-split"),
        (["nowhere.mm"], "nowhere.mm:1:1: cannot be read: No such file or directory"),
        (["flat.mm"], "flat.mm:1:1: no race, as no 'thread' line begins one: mmfuzz replay flat.mm"),
        (["race.mm", "--plant", "fork-no-reff"], "unknown planted bug 'fork-no-reff': did you mean fork-no-ref"),
        (["--plant", "fork-no-ref"], "fork-no-ref is sequential, and no scenario is known to show it"),
        (["race.mm", "--preemptions", "1"], "--preemptions bounds what is explored to the end"),
        (["race.mm", "--exhaustive", "--strategy", "pct"], "--exhaustive and --strategy pct are two ways"),
        (["race.mm", "--schedule", "a2-"], "schedule 'a2-', column 3: '-' is no thread"),
        (["race.mm", "--schedule", "c"], "schedule c: move 1 is c's"),
        (["leaks.mm", "--plant", "batch-ref-leak"], "leaks.mm:5:1: set-up operation 'drain': it fails before any"),
        (["twice.mm"], "twice.mm:4:1: set-up operation 'alloc p0 a0 base': it does not apply: area 0 is mapped"),
        (["--litmus"], "no *.litmus file: name at least one"),
        (["--litmus", "bad.litmus"], "bad.litmus:1:1: "),
        (["--litmus", "nowhere"], "no such file or folder: 'nowhere'"),
        (["--litmus", "bad.litmus", "--plant", "x"], "--litmus goes with --memory and --json alone"),
        (["race.mm", "--generated", "2"], "--generated makes its races itself: it takes no names, as 'race.mm' is"),
        (["race.mm", "--html", "nowhere/race.html"], "no such folder: 'nowhere'"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line(words: list[str], says: str, folder: Path) -> None:
    (folder / "flat.mm").write_text("mmfuzz 1\n\ndrain\n")
    (folder / "twice.mm").write_text("mmfuzz 1\n\nalloc p0 a0 base\nalloc p0 a0 base\n\nthread one\ndrain\n")
    leaks = "mmfuzz 1\n\nalloc p0 a0 base\nfault p0 a0.0 write\ndrain\n\nthread one\ndrain\n"
    (folder / "leaks.mm").write_text(leaks)
    (folder / "bad.litmus").write_text("This is no litmus test.\n")
    done = mmfuzz(*words, cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith(f"mmfuzz: {says}"), done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout
