"""The program that is running, on disk before each of its steps: what is left when a machine dies with it."""

from __future__ import annotations

import os
from pathlib import Path

from mmfuzz.ops import Operation
from mmfuzz.program import Program, format_op, format_program


class Journal:
    """Writes one program at a time to `path`; the file is gone when the run ends in good order.

    A line is written before its operation is done, so a killed process loses nothing. Only the beginning of
    a program is forced to the disk: forcing each line would cost more than the step itself.
    """

    def __init__(self, path: Path, header: Program) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._header = format_program(header).encode()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

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
        os.close(self._file)
        self._path.unlink(missing_ok=True)
