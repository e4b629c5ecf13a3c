"""Folders of programs: what is found, and that saving loses nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mmfuzz import corpus
from mmfuzz.errors import ProgramError, UsageError
from mmfuzz.ops import Drain, Fault, Fork
from mmfuzz.program import Program, format_program

PROGRAM = Program((Fork(0, 1), Drain()), expect="fail identity", found="seed 1")


def test_find_sorts_and_leaves_out_hidden_and_other_files(tmp_path: Path) -> None:
    for name in ("b.mm", "a.mm", "sub/c.mm", ".hidden.mm", ".git/d.mm", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mmfuzz 1\n")
    names = [str(path.relative_to(tmp_path)) for path in corpus.find([tmp_path])]
    assert names == ["a.mm", "b.mm", "sub/c.mm"]


def test_find_takes_a_file_by_any_name_and_each_file_once(tmp_path: Path) -> None:
    file = tmp_path / "program.txt"
    file.write_text("mmfuzz 1\n")
    assert corpus.find([file, file]) == [file]


def test_path_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such file or folder: '.*absent'"):
        corpus.find([tmp_path / "absent"])


def test_saved_program_is_named_by_property_and_loads_back(tmp_path: Path) -> None:
    path = corpus.save(PROGRAM, tmp_path / "new")
    assert path.name.startswith("identity-")
    assert len(path.stem) == len("identity-") + 8
    assert corpus.load(path) == PROGRAM
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_same_program_found_again_leaves_the_first_file(tmp_path: Path) -> None:
    path = corpus.save(PROGRAM, tmp_path)
    assert corpus.save(replace(PROGRAM, found="seed 2"), tmp_path) == path
    assert corpus.load(path).found == "seed 1"


def test_different_program_under_the_same_name_is_not_overwritten(tmp_path: Path) -> None:
    path = corpus.save(PROGRAM, tmp_path)
    path.write_text(format_program(replace(PROGRAM, ops=(Drain(),))))
    other = corpus.save(PROGRAM, tmp_path)
    assert other != path
    assert corpus.load(path).ops == (Drain(),)
    assert corpus.load(other) == PROGRAM


def test_program_for_another_kernel_has_another_name(tmp_path: Path) -> None:
    assert corpus.save(PROGRAM, tmp_path) != corpus.save(replace(PROGRAM, kernel="5.10"), tmp_path)


def test_program_that_text_cannot_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="no range of an area of 8 pages"):
        corpus.save(Program((Fault(0, 0, 9, 1, write=True),)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_handle: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        corpus.save(PROGRAM, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_are_not_text_are_an_error_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "x.mm"
    path.write_bytes(b"mmfuzz 1\n\ndr\xffin\n")
    with pytest.raises(ProgramError, match=r"x\.mm:3:3: byte 0xff is not UTF-8 text"):
        corpus.load(path)


def test_file_that_is_too_large_or_unreadable_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ProgramError, match="cannot be read: Is a directory"):
        corpus.load(tmp_path)
    monkeypatch.setattr(corpus, "BYTES_MAX", 4)
    (tmp_path / "x.mm").write_text("mmfuzz 1\n")
    with pytest.raises(ProgramError, match="larger than the 4 bytes"):
        corpus.load(tmp_path / "x.mm")
