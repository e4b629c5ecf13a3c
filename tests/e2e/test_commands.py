"""The command line from outside: results, JSON, exit codes, and errors that are one line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmfuzz.cli import main
from mmfuzz.planted import BUGS, RACE, profiles_for
from mmfuzz.profiles import PROFILES
from mmfuzz.targets.linux import machine

LEAK = """mmfuzz 1
plant: fork-no-ref
expect: fail identity

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
fork p1 p2
drain
"""
FINE = "mmfuzz 1\n\nalloc p0 a0 huge\nfault p0 a0 write\nfork p0 p1\nexit p1\n"


def mmfuzz(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mmfuzz", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


def as_json(*words: str | Path, cwd: Path, code: int = 0) -> Any:
    done = mmfuzz(*words, "--json", cwd=cwd)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    (tmp_path / "leak.mm").write_text(LEAK)
    (tmp_path / "fine.mm").write_text(FINE)
    return tmp_path


def test_fuzz_finds_nothing_on_the_kernel_as_it_is(tmp_path: Path) -> None:
    result = as_json("fuzz", "--steps", "3000", "--seed", "1", cwd=tmp_path)
    assert result["target"] == "sim"
    assert result["kernel"] == "6.18"
    assert result["seed"] == 1
    assert result["steps"] >= 3000
    assert result["failures"] == []
    assert sum(result["operations"].values()) <= result["steps"]
    assert set(result) >= {"programs", "seconds", "steps_per_second"}


def test_fuzz_saves_a_minimal_program_that_replays(tmp_path: Path) -> None:
    result = as_json(
        "fuzz", "--plant", "fork-no-ref", "--steps", "50000", "--seed", "1", cwd=tmp_path, code=1
    )
    (failure,) = result["failures"]
    reproducer = tmp_path / failure["reproducer"]
    assert reproducer.name.startswith(failure["property"])
    replayed = as_json("replay", reproducer, cwd=tmp_path)
    (program,) = replayed["programs"]
    assert program["verdict"] == "fail"
    assert program["property"] == failure["property"]
    assert program["expected"] == f"fail {failure['property']}"
    assert program["operations"] == failure["operations"] <= 4


RACING = "mmfuzz 1\n\nalloc p0 a0 base\n\nthread one\nfault p0 a0.0 write\n\nthread other\ndrain\n"


def test_race_is_replayed_and_otherwise_left_to_its_own_command(tmp_path: Path) -> None:
    (tmp_path / "race.mm").write_text(RACING)
    (program,) = as_json("replay", "race.mm", cwd=tmp_path)["programs"]
    assert (program["verdict"], program["operations"]) == ("pass", 3)
    for command, says in {
        "show": "race.mm:5:1: a race: mmfuzz race race.mm",
        "shrink": "'race.mm' does not fail: there is nothing to shrink",
    }.items():
        done = mmfuzz(command, "race.mm", cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr == f"mmfuzz: {says}\n"
    result = as_json("fuzz", "--steps", "10", "--seed", "1", "--corpus", tmp_path, cwd=tmp_path)
    assert result["failures"] == []


def test_fuzz_with_one_seed_does_the_same_twice(tmp_path: Path) -> None:
    words = ("fuzz", "--steps", "3000", "--seed", "7")
    first, second = as_json(*words, cwd=tmp_path), as_json(*words, cwd=tmp_path)
    assert {**first, "seconds": 0, "steps_per_second": 0} == {**second, "seconds": 0, "steps_per_second": 0}


def test_fuzz_keeps_programs_in_its_corpus_and_goes_on_from_them(tmp_path: Path) -> None:
    words = ("fuzz", "--seed", "3", "--corpus", "kept", "--steps")
    first = as_json(*words, "2000", cwd=tmp_path)
    kept = list((tmp_path / "kept").rglob("*.mm"))
    assert kept
    second = as_json(*words, "8000", cwd=tmp_path)
    assert second["states"] >= first["states"]
    assert set(kept) < set((tmp_path / "kept").rglob("*.mm"))
    assert mmfuzz("replay", "kept", cwd=tmp_path).returncode == 0


def test_fuzz_says_its_failure_on_standard_output(tmp_path: Path) -> None:
    done = mmfuzz("fuzz", "--plant", "fork-no-ref", "--steps", "50000", "--seed", "1", cwd=tmp_path)
    assert done.returncode == 1
    assert "-> " in done.stdout
    assert "saved:  .mmfuzz/found/" in done.stdout
    assert "replay: mmfuzz replay .mmfuzz/found/" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_fuzz_ends_with_a_summary_when_it_is_interrupted(jobs: str, tmp_path: Path) -> None:
    words = ["fuzz", "--time", "60s", "--json", "--corpus", "kept", "--jobs", jobs]
    with subprocess.Popen(
        [sys.executable, "-m", "mmfuzz", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        time.sleep(4)
        # As a terminal does it: every process of the group is told.
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=40)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    result = json.loads(output)
    assert result["interrupted"]
    assert result["steps"] > 0
    assert list((tmp_path / "kept").rglob("*.mm"))


def test_fuzz_runs_every_profile_with_the_whole_budget_and_adds_them_up(tmp_path: Path) -> None:
    result = as_json("fuzz", "--kernel", "all", "--steps", "300", "--seed", "1", cwd=tmp_path)
    kernels = result["kernels"]
    assert [one["kernel"] for one in kernels] == list(PROFILES)
    assert all(one["steps"] >= 300 for one in kernels)
    assert (result["target"], result["kernel"], result["seed"], result["failures"]) == ("sim", "all", 1, [])
    for key in ("steps", "programs", "states", "kept"):
        assert result[key] == sum(one[key] for one in kernels)
    assert result["operations"]["alloc"] == sum(one["operations"]["alloc"] for one in kernels)


def test_fuzz_on_every_profile_saves_the_failure_of_each_and_goes_on(tmp_path: Path) -> None:
    words = ("fuzz", "--kernel", "all", "--plant", "zap-no-put", "--steps", "2000", "--seed", "1")
    result = as_json(*words, cwd=tmp_path, code=1)
    assert [failure["kernel"] for failure in result["failures"]] == list(PROFILES)
    assert [kernel["failures"] for kernel in result["kernels"]] == [[one] for one in result["failures"]]
    replayed = as_json("replay", *(one["reproducer"] for one in result["failures"]), cwd=tmp_path)["programs"]
    assert [one["property"] for one in replayed] == [one["property"] for one in result["failures"]]
    done = mmfuzz(*words, cwd=tmp_path)
    assert done.returncode == 1
    assert "20 kernels: " in done.stdout
    assert f"2.6.38: {result['failures'][0]['property']}, " in done.stdout


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_fuzz_on_every_profile_keeps_what_was_done_when_it_is_interrupted(jobs: str, tmp_path: Path) -> None:
    words = ["fuzz", "--kernel", "all", "--time", "1s", "--json", "--corpus", "kept", "--jobs", jobs]
    with subprocess.Popen(
        [sys.executable, "-m", "mmfuzz", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        until = time.monotonic() + 60
        while not list(tmp_path.glob("kept/kept/*.mm")):
            assert time.monotonic() < until
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=40)
    assert "Traceback" not in errors
    result = json.loads(output)
    assert process.returncode == bool(result["failures"]), errors
    kernels = result["kernels"]
    assert result["interrupted"]
    assert kernels[0]["steps"] > 0
    assert [one["interrupted"] for one in kernels] == [False] * (len(kernels) - 1) + [True]
    assert len(kernels) < len(PROFILES)


def test_replay_gives_one_verdict_a_program(programs: Path) -> None:
    result = as_json("replay", ".", cwd=programs)
    assert [(p["path"], p["verdict"], p["property"], p["expected"]) for p in result["programs"]] == [
        ("fine.mm", "pass", None, "pass"),
        ("leak.mm", "fail", "identity", "fail identity"),
    ]


def test_replay_says_a_verdict_a_line(programs: Path) -> None:
    done = mmfuzz("replay", ".", cwd=programs)
    assert done.stdout.splitlines() == [
        "fine.mm: pass",
        "leak.mm: fails identity, as expected",
        "2 programs: 2 as expected, 0 not",
    ]


def test_replay_fails_when_a_program_does_not_do_what_it_expects(programs: Path) -> None:
    (programs / "leak.mm").write_text(LEAK.replace("expect: fail identity", "expect: pass"))
    (programs / "fine.mm").write_text(FINE.replace("mmfuzz 1\n", "mmfuzz 1\nexpect: fail leak\n"))
    done = mmfuzz("replay", ".", cwd=programs)
    assert done.returncode == 1
    assert "fine.mm: pass, but leak was expected to fail" in done.stdout
    assert "leak.mm: fails identity" in done.stdout
    assert "2 programs: 0 as expected, 2 not" in done.stdout


def test_replay_on_every_kernel_judges_what_must_fail_on_its_own(programs: Path) -> None:
    result = as_json("replay", ".", "--kernel", "all", cwd=programs)
    fine, leak = result["programs"]
    assert [one["kernel"] for one in fine["kernels"]] == list(PROFILES)
    assert {one["verdict"] for one in fine["kernels"]} == {"pass"}
    assert [one["kernel"] for one in leak["kernels"] if one["judged"]] == ["6.18"]
    assert (fine["verdict"], leak["verdict"], leak["property"]) == ("pass", "fail", "identity")
    done = mmfuzz("replay", ".", "--kernel", "all", cwd=programs)
    assert "fine.mm on all 20 kernels: pass\n" in done.stdout
    assert re.search(r"^leak.mm on .+: fails identity, as expected$", done.stdout, re.MULTILINE)


def test_corpus_does_what_it_should_on_every_kernel() -> None:
    corpus = Path(__file__).parents[2] / "corpus"
    programs = as_json("replay", corpus, "--kernel", "all", cwd=corpus)["programs"]
    assert {one["verdict"] for one in programs if "planted" not in one["path"]} == {"pass", "fail"}
    assert all(one["as_expected"] for one in programs)


def test_replay_on_every_kernel_has_no_verdict_where_an_operation_is_not_there(programs: Path) -> None:
    (programs / "fine.mm").write_text("mmfuzz 1\n\nalloc p0 a0 order2\n")
    done = mmfuzz("replay", "fine.mm", "--kernel", "all", cwd=programs)
    assert done.returncode == 0, done.stderr
    assert "fine.mm on 2.6.38 to 6.2: unknown ('alloc p0 a0 order2' was left out: " in done.stdout
    assert "fine.mm on 6.8 to 7.2: pass\n" in done.stdout


def test_replay_on_every_kernel_fails_when_one_fails(programs: Path) -> None:
    (programs / "leak.mm").write_text(LEAK.replace("expect: fail identity", "expect: fail leak"))
    result = as_json("replay", "leak.mm", "--kernel", "all", cwd=programs, code=1)
    assert (result["programs"][0]["property"], result["programs"][0]["as_expected"]) == ("identity", False)
    done = mmfuzz("replay", "leak.mm", "--kernel", "all", cwd=programs)
    assert "kernel 6.18\nidentity: " in done.stdout


def test_show_names_the_owners_of_each_folio(programs: Path) -> None:
    done = mmfuzz("show", "fine.mm", cwd=programs)
    assert done.returncode == 0, done.stderr
    assert "mapped whole by p0 a0" in done.stdout
    assert "mapped whole by p1 a0" in done.stdout
    result = as_json("show", "leak.mm", cwd=programs)
    assert result["property"] == "identity"
    assert result["steps"][-1]["violation"]


def test_bug_and_pin_scheme_that_no_kernel_has_together_are_told(programs: Path) -> None:
    alone = (name for name, bug in BUGS.items() if bug.kind != RACE)
    bug = next(name for name in alone if not profiles_for(name, "biased"))
    (programs / "both.mm").write_text(
        f"mmfuzz 1\nkernel: {BUGS[bug].home}\nplant: {bug}\nexpect: fail leak\n\ndrain\n"
    )
    for command in (["fuzz", "--plant", bug], ["show", "both.mm"]):
        done = mmfuzz(*command, "--pins", "biased", "--kernel", "all", cwd=programs)
        assert done.returncode == 2
        assert f"no profile has both bug {bug!r} and pin scheme 'biased'" in done.stderr
    (replayed,) = as_json("replay", "both.mm", "--pins", "biased", "--kernel", "all", cwd=programs)[
        "programs"
    ]
    assert replayed["verdict"] == "unknown"


def test_show_puts_kernels_side_by_side(programs: Path) -> None:
    done = mmfuzz("show", "fine.mm", "--kernel", "5.8", "--kernel", "6.18.44", cwd=programs)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^kernel 5.8 +\| kernel 6.18$", done.stdout, re.MULTILINE)
    assert re.search(r"^ +! +pincount 0, exclusive 1$", done.stdout, re.MULTILINE) is None
    assert re.search(r"^ +! +exclusive 1$", done.stdout, re.MULTILINE)
    assert done.stdout.endswith("pass on 5.8, 6.18\n")
    result = as_json("show", "fine.mm", "--kernel", "5.8", "--kernel", "6.18", cwd=programs)
    assert [(one["kernel"], one["property"], len(one["steps"])) for one in result["kernels"]] == [
        ("5.8", None, 4),
        ("6.18", None, 4),
    ]
    (one,) = as_json("show", "fine.mm", "--kernel", "5.8", cwd=programs)["steps"][:1]
    assert one == result["kernels"][0]["steps"][0]
    every = as_json("show", "fine.mm", "--kernel", "all", cwd=programs)["kernels"]
    assert [one["kernel"] for one in every] == list(PROFILES)


def test_show_of_several_kernels_judges_what_must_fail_on_its_own(programs: Path) -> None:
    as_json("show", "leak.mm", "--kernel", "5.8", "--kernel", "6.18", cwd=programs)
    (programs / "leak.mm").write_text(LEAK.replace("expect: fail identity", "expect: fail leak"))
    result = as_json("show", "leak.mm", "--kernel", "5.8", "--kernel", "6.18", cwd=programs, code=1)
    assert [one["property"] for one in result["kernels"]] == ["identity", "identity"]


def test_shrink_saves_a_smaller_program_and_leaves_the_file(programs: Path) -> None:
    result = as_json("shrink", "leak.mm", cwd=programs)
    assert result["operations_before"] == 5
    assert result["operations"] == 3
    assert (programs / "leak.mm").read_text() == LEAK
    assert as_json("replay", result["reproducer"], cwd=programs)["programs"][0]["property"] == "identity"


def test_shrink_refuses_a_program_that_does_not_fail(programs: Path) -> None:
    done = mmfuzz("shrink", "fine.mm", cwd=programs)
    assert done.returncode == 2
    assert "there is nothing to shrink" in done.stderr


def test_bugs_lists_the_catalogue_and_tells_all_about_one(tmp_path: Path) -> None:
    every = as_json("bugs", cwd=tmp_path)["bugs"]
    assert {"fork-no-ref", "deep-state"} <= {bug["name"] for bug in every}
    assert all(bug["kind"] in {"sequential", "error", "race"} for bug in every)
    (one,) = as_json("bugs", "fork-no-ref", cwd=tmp_path)["bugs"]
    assert set(one) >= {"name", "property", "fix", "kernels", "kind"}
    assert "fork-no-ref" in mmfuzz("bugs", cwd=tmp_path).stdout


def test_hunt_finds_the_named_bugs(tmp_path: Path) -> None:
    result = as_json("hunt", "fork-no-ref", "zap-no-put", cwd=tmp_path)
    assert [bug["name"] for bug in result["bugs"]] == ["fork-no-ref", "zap-no-put"]
    for bug in result["bugs"]:
        assert bug["found"]
        assert bug["steps"] > 0
        assert (tmp_path / bug["reproducer"]).is_file()


def test_bugs_of_a_kernel_are_those_that_live_in_its_era(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bug = replace(BUGS["fork-no-ref"], kernels=("5.7", "5.8"), because="fork was another before and after")
    monkeypatch.setitem(BUGS, bug.name, bug)
    monkeypatch.chdir(tmp_path)

    def names(*words: str) -> list[str]:
        with pytest.raises(SystemExit) as exited:
            main(["bugs", *words, "--json"])
        assert exited.value.code == 0
        return [one["name"] for one in json.loads(capsys.readouterr().out)["bugs"]]

    assert bug.name in names()
    assert bug.name in names("--kernel", "all")
    assert bug.name in names("--kernel", "5.8.2")
    assert bug.name not in names("--kernel", "5.9")
    reason = "it lives in 5.7 to 5.8: fork was another before and after"
    for words in (
        ["bugs", bug.name],
        ["hunt", bug.name],
        ["fuzz", "--plant", bug.name],
        ["fuzz", "--plant", bug.name, "--jobs", "2"],
    ):
        with pytest.raises(SystemExit) as exited:
            main([*words, "--kernel", "6.1"])
        assert exited.value.code == 2
        shown = capsys.readouterr().err
        assert reason in shown
        assert shown.count("\n") == 1
    with pytest.raises(SystemExit):
        main(["fuzz", "--plant", bug.name, "--kernel", "all", "--steps", "1", "--json"])
    kernels = json.loads(capsys.readouterr().out)["kernels"]
    assert [kernel["kernel"] for kernel in kernels] == ["5.7", "5.8"]


def test_hunt_plants_into_the_kernel_that_is_named(tmp_path: Path) -> None:
    (found,) = as_json("hunt", "fork-no-ref", "--kernel", "5.4.9", cwd=tmp_path)["bugs"]
    assert found["kernel"] == "4.13"
    assert "kernel: 4.13\n" in (tmp_path / found["reproducer"]).read_text()


def test_hunt_that_does_not_find_a_bug_exits_with_1(tmp_path: Path) -> None:
    result = as_json("hunt", "deep-state", "--steps", "1", cwd=tmp_path, code=1)
    assert not result["bugs"][0]["found"]
    assert result["bugs"][0]["reproducer"] is None


def test_doctor_lists_the_profiles(tmp_path: Path) -> None:
    profiles = as_json("doctor", cwd=tmp_path)["profiles"]
    assert [profile["name"] for profile in profiles] == list(PROFILES)
    assert [profile["ends_before"] for profile in profiles] == [*list(PROFILES)[1:], None]
    assert all(profile["brought"] for profile in profiles)
    assert [profile["name"] for profile in profiles if profile["default"]] == ["6.18"]
    assert f"  6.8     {PROFILES['6.8'].brought}\n" in mmfuzz("doctor", cwd=tmp_path).stdout


def test_doctor_says_what_runs_and_what_is_missing(tmp_path: Path) -> None:
    targets = {target["name"]: target for target in as_json("doctor", cwd=tmp_path)["targets"]}
    assert targets["sim"] == {"name": "sim", "usable": True, "missing": [], "left_out": []}
    linux = targets["linux"]
    assert linux["usable"] == (not linux["missing"])
    # Swap has to be given, on whatever machine: where the target runs, it is always among what is left out.
    assert linux["usable"] == ("swap_out" in [limit["operation"] for limit in linux["left_out"]])
    assert all(limit["reason"] for limit in linux["left_out"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fuz"], "No such command 'fuz'. One of: fuzz, replay"),
        (["fuzz", "--time", "soon"], "'soon' is not a time: a number with s, m, h or d"),
        (["fuzz", "--target", "windows"], "'windows'"),
        (["fuzz", "--plant", "fork-no-reff"], "fork-no-ref"),
        (["fuzz", "--kernel", "0.1"], "'0.1'"),
        (["fuzz", "--kernel", "newest"], "'newest' is not a kernel version: give one such as 2.6.38"),
        (["fuzz", "--kernel", "all", "--target", "linux"], "it cannot have kernel 'all'"),
        (["fuzz", "--kernel", "all", "--plant", "fork-no-reff"], "fork-no-ref"),
        (["fuzz", "--kernel", "all", "--frames", "100"], "frames 100 is not allowed"),
        (
            ["fuzz", "--pins", "pagebit"],
            "unknown pin scheme 'pagebit' (did you mean 'page-bit'?): one of none, ",
        ),
        (
            ["replay", "fine.mm", "--pins", "x"],
            "unknown pin scheme 'x': one of none, page-bit, lru-field, biased",
        ),
        (["replay", "pins.mm"], "pins.mm:2:7: pins: 'based' is not a pin scheme (did you mean 'biased'?)"),
        (["replay", "plant.mm", "--kernel", "all"], "plant.mm:2:8: unknown planted bug 'x'"),
        (["bugs", "--kernel", "1.0"], "no kernel profile at or below '1.0': the oldest is 2.6.38"),
        (["hunt", "--kernel", "all"], "'all' is not a kernel version"),
        (["fuzz", "--frames", "100"], "frames 100 is not allowed: a power of two from 16 to 1048576"),
        (["fuzz", "--huge", "20"], "huge order 20 is not allowed: a number from 1 to 9"),
        (["fuzz", "--target", "linux", "--plant", "fork-no-ref"], "it cannot have bug 'fork-no-ref'"),
        (["fuzz", "--swap", "x.img"], "the simulated kernel has a swap of its own: it cannot use 'x.img'"),
        (["fuzz", "--plant", "fork-no-ref", "--corpus", "bad.mm/x"], "Not a directory: 'bad.mm/x"),
        (["bugs", "fork-no-reff"], "did you mean fork-no-ref"),
        (["hunt", "nothing"], "unknown planted bug 'nothing'"),
        (["replay", "absent.mm"], "no such file or folder: 'absent.mm'"),
        (["replay", "empty"], "no *.mm file under empty"),
        (["replay", "bad.mm"], "bad.mm:3:1: unknown operation 'drian' (did you mean 'drain'?)"),
        (["replay", "kernel.mm"], "kernel.mm:2:9: "),
        (["replay", "plant.mm"], "plant.mm:2:8: unknown planted bug 'x'"),
        (["replay", "property.mm"], "property.mm:2:9: unknown property 'identty' (did you mean 'identity'?)"),
        (
            ["show", "fine.mm", "--kernel", "6.16", "--kernel", "6.15"],
            "'6.16' and '6.15' have the same rules",
        ),
        (["show", "fine.mm", "--kernel", "6.1", "--kernel", "al"], "'al' is not a kernel version"),
        (["show", "fine.mm", "--target", "linux", "--kernel", "6.1", "--kernel", "5.8"], "kernels 6.1, 5.8"),
        (["show", "bad.mm"], "bad.mm:3:1: "),
        (["shrink", "bad.mm"], "bad.mm:3:1: "),
    ],
)
def test_wrong_usage_is_one_clear_line_and_exit_code_2(words: list[str], says: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.mm").write_text("mmfuzz 1\n\ndrian\n")
    (tmp_path / "kernel.mm").write_text("mmfuzz 1\nkernel: 0.1\n\ndrain\n")
    (tmp_path / "fine.mm").write_text(FINE)
    (tmp_path / "pins.mm").write_text("mmfuzz 1\npins: based\n\ndrain\n")
    (tmp_path / "plant.mm").write_text("mmfuzz 1\nplant: x\n\ndrain\n")
    (tmp_path / "property.mm").write_text("mmfuzz 1\nexpect: fail identty\n\ndrain\n")
    done = mmfuzz(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    refused = mmfuzz(*words, "--json", cwd=tmp_path)
    assert says in json.loads(refused.stdout)["error"]


@pytest.mark.parametrize("words", [["fuzz", "--target", "linux"], ["replay", "fine.mm", "--target", "linux"]])
def test_machine_that_lacks_what_the_target_needs_is_exit_code_3(
    words: list[str], programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(programs)
    monkeypatch.setattr(
        machine, "requirements", lambda: ["BTF of the kernel: build it with CONFIG_DEBUG_INFO_BTF"]
    )
    with pytest.raises(SystemExit) as exited:
        main([*words, "--json"])
    assert exited.value.code == 3
    shown = capsys.readouterr()
    assert "BTF of the kernel: build it with CONFIG_DEBUG_INFO_BTF" in shown.err
    assert "BTF of the kernel" in json.loads(shown.out)["error"]


def test_output_that_nobody_reads_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m mmfuzz bugs | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 141}
    assert done.stderr == ""
