"""Nothing outlives a run: neither its end, nor a kill that it cannot see coming."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mmfuzz.errors import TargetBroke, TargetUnavailable
from mmfuzz.ops import HUGE, Alloc, Fault, Fork, Operation, Pin
from mmfuzz.targets.linux import Linux
from mmfuzz.targets.linux.swap import abandoned, remove_leftovers, zram_missing

if TYPE_CHECKING:
    from tests.live.conftest import Run

GONE_SECONDS_MAX = 10.0

VICTIM = """
import sys, time
from mmfuzz.errors import TargetBroke, TargetUnavailable
from mmfuzz.ops import BASE, Alloc, Fault, Fork, Pin, SwapOut
from mmfuzz.targets.linux import Linux
while True:
    try:
        target = Linux(areas=1, swap=sys.argv[1])
        break
    except TargetUnavailable as failure:
        if "use swap already" not in str(failure):
            raise
        time.sleep(0.1)
target.reset()
program = [Alloc(0, 0, BASE), Fault(0, 0, 0, 0, True), Fork(0, 1), Pin(1, 0, 0, 4, True, 0), Fork(1, 2),
           SwapOut(0, 0, 100, 50)]
for step, op in enumerate(program, 1):
    assert target.apply(op, step).error == ""
print(target.server_pid, flush=True)
time.sleep(600)
"""


def session_members(leader: int) -> list[int]:
    """Processes of the session that a server leads, but for those that init has yet to reap."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            pid = int(entry.name)
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if os.getsid(pid) == leader and state != "Z":
                found.append(pid)
    return found


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def zram_devices() -> set[str]:
    return {path.name for path in Path("/sys/block").glob("zram*")}


def swaps() -> list[str]:
    return [line.split()[0] for line in Path("/proc/swaps").read_text().splitlines()[1:]]


def wait_until_gone(leader: int) -> None:
    until = time.monotonic() + GONE_SECONDS_MAX
    while session_members(leader):
        assert time.monotonic() < until, f"still there: {session_members(leader)}"
        time.sleep(0.01)


def killed_victim(swap: str, *, server_too: bool = False) -> int:
    """Have a run with processes, pins and used swap killed; the pid of its server."""
    with subprocess.Popen([sys.executable, "-c", VICTIM, swap], stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        server = int(victim.stdout.readline())
        assert len(session_members(server)) == 4
        if server_too:
            os.kill(server, signal.SIGKILL)
        victim.send_signal(signal.SIGKILL)
    return server


def test_close_leaves_nothing(usable_machine: None) -> None:
    open_before = open_files()
    cpus = os.sched_getaffinity(0)
    target = Linux(areas=1)
    target.reset()
    program: list[Operation] = [
        Alloc(0, 0, HUGE),
        Fault(0, 0, 0, 1, True),
        Fork(0, 1),
        Pin(1, 0, 0, 4, True, 0),
    ]
    for step, op in enumerate(program, 1):
        assert target.apply(op, step).error == ""
    assert len(session_members(target.server_pid)) == 3
    target.close()
    target.close()
    assert session_members(target.server_pid) == []
    assert open_files() == open_before
    assert os.sched_getaffinity(0) == cpus


@pytest.mark.skipif(zram_missing() is not None, reason=str(zram_missing()))
def test_kill_leaves_neither_processes_nor_zram() -> None:
    before = zram_devices()
    wait_until_gone(killed_victim("zram"))
    assert zram_devices() - before == set()
    assert [name for name in swaps() if Path(name).name not in before and "zram" in name] == []


def test_kill_leaves_no_swap_file(tmp_path: Path) -> None:
    file = tmp_path / "swap"
    wait_until_gone(killed_victim(str(file)))
    assert str(file) not in swaps()
    assert not file.exists()


@pytest.mark.parametrize("swap", ["zram", "file"])
def test_swap_of_a_killed_server_goes_with_the_next_run(swap: str, tmp_path: Path) -> None:
    """Run and server are killed both, so that nobody is left to clean up."""
    if swap == "zram" and zram_missing() is not None:
        pytest.skip(str(zram_missing()))
    file = tmp_path / "swap"
    server = killed_victim("zram" if swap == "zram" else str(file), server_too=True)
    wait_until_gone(server)
    Linux(areas=1).close()
    assert abandoned() == []
    assert not file.exists()


def test_swap_of_a_killed_server_goes_with_its_run(
    open_with_swap: Callable[[str], Linux], tmp_path: Path
) -> None:
    file = tmp_path / "swap"
    target = open_with_swap(str(file))
    os.kill(target.server_pid, signal.SIGKILL)
    assert str(file) in swaps()
    target.close()
    assert str(file) not in swaps()
    assert not file.exists()


def test_swap_of_a_run_that_lives_is_left_alone(
    open_with_swap: Callable[[str], Linux], tmp_path: Path
) -> None:
    file = tmp_path / "swap"
    target = open_with_swap(str(file))
    assert remove_leftovers() == []
    assert str(file) in swaps()
    target.close()


def test_swap_file_never_overwrites(tmp_path: Path, open_with_swap: Callable[[str], Linux]) -> None:
    file = tmp_path / "precious"
    file.write_text("precious")
    with pytest.raises(TargetUnavailable, match="File exists"):
        open_with_swap(str(file))
    assert file.read_text() == "precious"


def test_killed_worker_is_told_of(run: Run) -> None:
    """A process that dies under a command is neither a pass nor a failed property."""
    run(Alloc(0, 0, HUGE), Fork(0, 1))
    os.kill(run.target.pid(1), signal.SIGKILL)
    with pytest.raises(TargetBroke, match="process 1"):
        run(Fault(1, 0, 0, 1, True))
