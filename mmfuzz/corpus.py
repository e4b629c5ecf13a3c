"""Folders of programs: find them, read them, and save new ones so that none is ever lost.

A saved file appears at once and complete, or not at all, and a name says what is in it: the property that
fails and a hash of what the program does. Saving the same program twice leaves the first file as it is.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mmfuzz.errors import ProgramError, UsageError
from mmfuzz.program import SUFFIX, Program, format_program, parse

BYTES_MAX = 8 << 20
"""Size of a program file at most; the longest program that the format allows is below it."""

_DIGITS = (8, 16, 64)
"""Hexadecimal digits of the hash in a name: more where a shorter name is taken by another program."""


def find(paths: Iterable[Path]) -> list[Path]:
    """The program files under `paths`, in the order of `paths`, each folder sorted, each file once.

    A path that is a file counts whatever its name; in folders only `*.mm` do, and nothing hidden. A path
    that does not exist is a `UsageError`.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found.update(dict.fromkeys(_walk(path)))
        elif path.is_file():
            found[path] = None
        else:
            raise UsageError(f"no such file or folder: {str(path)!r}")
    return list(found)


def load(path: Path) -> Program:
    """Read one program; whatever is wrong with the file is a `ProgramError` with line and column."""
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise ProgramError(str(path), 1, 1, f"cannot be read: {error.strerror}") from error
    if len(raw) > BYTES_MAX:
        raise ProgramError(str(path), 1, 1, f"larger than the {BYTES_MAX} bytes that a program may have")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        problem = f"byte 0x{raw[error.start]:02x} is not UTF-8 text"
        raise ProgramError(str(path), line, column, problem) from error
    return parse(text, str(path))


def save(program: Program, folder: Path, *, name: str = "") -> Path:
    """Save a program under a name of its own and return the path.

    The name begins with `name`, or else with the property that is expected to fail. A program that is
    there already, but for its `found` and `note`, is left alone; any other file is never overwritten.
    """
    text = format_program(program)
    parse(text)  # Refuses what could be written but never read back, such as a page outside the area.
    folder.mkdir(parents=True, exist_ok=True)
    meaning = _meaning(program)
    digest = hashlib.sha256(format_program(meaning).encode()).hexdigest()
    for digits in _DIGITS:
        path = folder / f"{name or program.expected_property or 'pass'}-{digest[:digits]}{SUFFIX}"
        if not path.exists():
            _write(path, text)
            return path
        if _same(path, meaning):
            return path
    raise UsageError(f"another program stands where this one belongs: {str(path)!r}; move it away")


def _walk(folder: Path) -> list[Path]:
    found = []
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(where, name) for name in files if name.endswith(SUFFIX) and not name.startswith(".")]
    return sorted(found)


def _meaning(program: Program) -> Program:
    """The program without what is only said about it."""
    return replace(program, found="", note="")


def _same(path: Path, meaning: Program) -> bool:
    try:
        return _meaning(load(path)) == meaning
    except ProgramError:
        return False


def _write(path: Path, text: str) -> None:
    """Write beside the place and rename, each step on disk before the next."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=SUFFIX, dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
