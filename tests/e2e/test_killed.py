"""Runs that are ended from outside: what they say, and that nothing of them is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmfuzz.errors import TargetUnavailable
from mmfuzz.targets.linux import requirements

LINUX_MISSING = "; ".join(requirements())
needs_linux = pytest.mark.skipif(bool(LINUX_MISSING), reason=LINUX_MISSING)
GONE_SECONDS_MAX = 20.0
READY_SECONDS_MAX = 120.0


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A long run, in a session and in a folder of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mmfuzz", "fuzz", "--time", "10m", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def start_on_linux(folder: Path, *words: str, jobs: int = 1) -> subprocess.Popen[str]:
    """A run on the running kernel whose every worker has begun a program; runs with swap take turns."""
    until = time.monotonic() + READY_SECONDS_MAX
    while True:
        run = start(folder, "--target", "linux", "--jobs", str(jobs), *words)
        while run.poll() is None:
            journals = list((folder / ".mmfuzz/found/.journal").glob("*.mm"))
            if len(journals) == jobs and all(path.stat().st_size for path in journals):
                return run
            assert time.monotonic() < until
            time.sleep(0.05)
        said, _ = run.communicate()
        assert (run.returncode, "use swap already" in said) == (TargetUnavailable.exit_code, True), said


def standing_in(folder: Path) -> list[int]:
    """Processes whose working directory a folder is: all of a run's, for nobody changes it."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
    return found


def assert_all_gone(folder: Path) -> None:
    until = time.monotonic() + GONE_SECONDS_MAX
    while left := standing_in(folder):
        assert time.monotonic() < until, f"still there: {left}"
        time.sleep(0.05)


def test_killed_run_with_jobs_leaves_no_process(tmp_path: Path) -> None:
    with start(tmp_path, "--jobs", "2") as run:
        assert run.stdout is not None
        for line in run.stdout:
            if "steps/s" in line:
                break
        assert len(standing_in(tmp_path)) > 2
        run.kill()
    assert_all_gone(tmp_path)


@needs_linux
@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_run_on_linux_leaves_its_program_and_no_process(jobs: int, tmp_path: Path) -> None:
    with start_on_linux(tmp_path, jobs=jobs) as run:
        assert len(standing_in(tmp_path)) > jobs
        run.kill()
    assert_all_gone(tmp_path)
    left = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert left == ({".mm"} if jobs == 1 else set()), "jobs of a killed run end in good order"


@needs_linux
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_ends_a_run_on_linux_with_its_summary(jobs: int, tmp_path: Path) -> None:
    with start_on_linux(tmp_path, jobs=jobs) as run:
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does it
        said, _ = run.communicate(timeout=GONE_SECONDS_MAX)
    assert run.returncode == 0
    assert said.rstrip().endswith("no failures, interrupted")
    assert_all_gone(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@needs_linux
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_swap_goes_however_a_run_ends(ending: signal.Signals, tmp_path: Path) -> None:
    swap = tmp_path / "swap"
    with start_on_linux(tmp_path, "--swap", str(swap)) as run:
        assert swap.exists()
        run.send_signal(ending)
    assert_all_gone(tmp_path)
    until = time.monotonic() + GONE_SECONDS_MAX
    while swap.exists():  # its server takes it away, and stands elsewhere
        assert time.monotonic() < until, "the swap file is still there"
        time.sleep(0.05)
