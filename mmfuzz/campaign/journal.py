"""The program that is running, on disk before each of its steps: what is left when a machine dies with it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mmfuzz.corpus import load, save
from mmfuzz.errors import ProgramError
from mmfuzz.ops import Operation
from mmfuzz.program import SUFFIX, Program, format_op, format_program, parse

FOLDER = ".journal"
"""Where journals are, in the folder of found programs."""

DIED = "died"
"""How the programs of runs that died are called."""

_LINES_CUT_MAX = 2
"""Lines at the end that a machine may have left half written."""


class Journal:
    """Writes one program at a time under `folder`; the file is gone when the run ends in good order.

    A line is written before its operation is done, so a killed process loses nothing. Only the beginning of
    a program is forced to the disk: forcing each line would cost more than the step itself. The file is
    locked as long as the run lives, which tells it from what a dead one left.
    """

    def __init__(self, folder: Path, header: Program) -> None:
        place = folder / FOLDER
        place.mkdir(parents=True, exist_ok=True)
        self._path = place / f"{os.getpid()}{SUFFIX}"
        self._header = format_program(header).encode()
        self._file = _locked(self._path)
        os.ftruncate(self._file, 0)

    def begin(self) -> None:
        """A new program begins: what the file held is over."""
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, self._header, 0)
        os.lseek(self._file, 0, os.SEEK_END)
        os.fdatasync(self._file)

    def write(self, op: Operation) -> None:
        """An operation is about to be done."""
        os.write(self._file, format_op(op).encode() + b"\n")

    def close(self) -> None:
        """The run ended in good order."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)


def recover(folder: Path) -> Iterator[tuple[Path, int]]:
    """Save the programs that runs died in as `died-*.mm` in `folder`: each path, and how many operations.

    The journals of runs that live are left alone, and so is a file that is no journal.
    """
    for path in sorted((folder / FOLDER).glob(f"*{SUFFIX}")):
        with contextlib.suppress(OSError):
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                program = _read(path)
                if program is None:
                    continue
                if program.ops:
                    yield save(program, folder, name=DIED), len(program.ops)
                path.unlink()
            finally:
                os.close(file)


def _locked(path: Path) -> int:
    """Open and lock a journal, anew if another run has just taken what was there away."""
    while True:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(file, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), path.stat()):
                return file
        os.close(file)


def _read(path: Path) -> Program | None:
    """The program of a journal, without what was half written at its end; None for something else."""
    if not path.stat().st_size:
        return Program()
    with contextlib.suppress(ProgramError):
        return _noted(load(path))
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    for cut in range(1, _LINES_CUT_MAX + 1):
        with contextlib.suppress(ProgramError):
            return _noted(parse("".join(lines[:-cut])))
    return None


def _noted(program: Program) -> Program:
    return replace(program, note="the run ended while it did the last operation")
