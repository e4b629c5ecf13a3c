"""What a run that died was doing, and what becomes of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmfuzz.campaign import Campaign
from mmfuzz.campaign.journal import FOLDER, Journal, recover
from mmfuzz.campaign.settings import Died, Event, Settings
from mmfuzz.corpus import find, load
from mmfuzz.ops import BASE, Alloc, Exit, Fork
from mmfuzz.program import Program
from mmfuzz.report.progress import PlainDisplay, died_line

OPS = (Alloc(0, 0, BASE), Fork(0, 1), Exit(1))

VICTIM = """
import sys, time
from pathlib import Path
from mmfuzz.campaign.journal import Journal
from mmfuzz.ops import BASE, Alloc, Exit, Fork
from mmfuzz.program import Program
journal = Journal(Path(sys.argv[1]), Program(kernel="6.18"))
journal.begin()
journal.write(Exit(3))
journal.begin()
for op in (Alloc(0, 0, BASE), Fork(0, 1), Exit(1)):
    journal.write(op)
print("ready", flush=True)
time.sleep(600)
"""


def leave(folder: Path, text: str, name: str = "1.mm") -> Path:
    """A journal as a dead run leaves it."""
    path = folder / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_killed_run_leaves_its_last_program(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "ready\n"
        assert list(recover(tmp_path)) == [], "a run that lives has been robbed"
        victim.send_signal(signal.SIGKILL)
    ((path, operations),) = recover(tmp_path)
    assert path.name.startswith("died-")
    assert operations == 3
    assert load(path).ops == OPS
    assert list((tmp_path / FOLDER).iterdir()) == []
    assert list(recover(tmp_path)) == []


def test_journal_of_a_run_that_ended_well_is_gone(tmp_path: Path) -> None:
    journal = Journal(tmp_path, Program())
    journal.begin()
    journal.write(OPS[0])
    journal.close()
    assert list((tmp_path / FOLDER).iterdir()) == []


@pytest.mark.parametrize("torn", ["exit p", "exit p1 and mo", "\x00\x00\x00"])
def test_line_that_was_half_written_is_left_out(tmp_path: Path, torn: str) -> None:
    leave(tmp_path, f"mmfuzz 1\nkernel: 6.18\n\nalloc p0 a0 base\nfork p0 p1\n{torn}")
    ((path, operations),) = recover(tmp_path)
    assert operations == 2
    assert load(path).ops == OPS[:2]


def test_run_that_died_between_programs_leaves_nothing(tmp_path: Path) -> None:
    leave(tmp_path, "")
    leave(tmp_path, "mmfuzz 1\nkernel: 6.18\n\n", "2.mm")
    assert list(recover(tmp_path)) == []
    assert find([tmp_path]) == list((tmp_path / FOLDER).iterdir()) == []


def test_what_is_no_journal_stays(tmp_path: Path) -> None:
    path = leave(tmp_path, "something\nelse\naltogether\n")
    assert list(recover(tmp_path)) == []
    assert path.exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_next_run_says_what_the_dead_one_left(tmp_path: Path, jobs: int) -> None:
    leave(tmp_path, "mmfuzz 1\nkernel: 6.18\n\nalloc p0 a0 base\nfork p0 p1\nexit p1\n")
    events: list[Event] = []
    Campaign(Settings(steps=100, found=tmp_path, jobs=jobs)).run(events.append)
    (died,) = [event for event in events if isinstance(event, Died)]
    lines: list[str] = []
    with PlainDisplay("title", lines.append) as shown:
        shown(died)
    assert lines == ["title", died_line(died)]
    assert died_line(died) == f"an earlier run died, doing the last of 3 operations: saved {died.path}"
