"""Several kernels side by side: nothing is lost, what differs is marked, and columns stay in their width."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmfuzz.corpus import find, load
from mmfuzz.planted import profiles_for
from mmfuzz.profiles import PROFILES
from mmfuzz.program import Program
from mmfuzz.report.eras import COLUMN_MIN, names, side_by_side
from mmfuzz.report.steps import FolioView, StepView, walk
from mmfuzz.targets import open_target

CORPUS = Path(__file__).parents[2] / "corpus"
FILES = [*find([CORPUS / "seeds"]), CORPUS / "planted/cow-reuse-by-mapcount.mm"]


def steps(program: Program, kernel: str) -> list[StepView]:
    plant = program.plant if kernel in profiles_for(program.plant or None) else ""
    target = open_target("sim", kernel=kernel, plant=plant or None)
    try:
        return list(walk(program.ops, target))
    finally:
        target.close()


def words(text: str) -> set[str]:
    return set(text.replace(",", " ").split())


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("width", [2 * COLUMN_MIN + 3, 110, 60])
def test_every_word_of_each_kernel_is_there_within_the_width(file: Path, width: int) -> None:
    program = load(file)
    kernels = ["5.8", "6.18"]
    walks = [steps(program, kernel) for kernel in kernels]
    lines = [line.text for line in side_by_side(kernels, walks, width)]
    if width >= 2 * COLUMN_MIN + 3:
        assert max(map(len, lines)) <= width
    for step in (step for each in walks for step in each):
        for part in (
            step.text,
            *step.changes,
            *step.freed,
            *(text for one in step.folios for text in one.owners),
        ):
            assert words(part) <= words(" ".join(lines))


@pytest.mark.parametrize("width", [90, 60])
def test_same_kernel_twice_has_no_difference(width: int) -> None:
    walked = steps(load(FILES[0]), "6.18")
    lines = list(side_by_side(["6.15", "6.18"], [walked, walked], width))
    assert not any(line.differs for line in lines)
    assert not any("!" in line.text for line in lines)


def view(number: int | None, *folios: FolioView, text: str = "drain") -> StepView:
    return StepView(number, text, folios=folios)


def test_counter_that_differs_has_a_marked_line_of_its_own() -> None:
    one = FolioView(
        "folio at frame 0, order 0", {"refcount": 1025, "mapcount": 1, "swap cache": "no"}, ("a",)
    )
    other = FolioView(one.name, {"refcount": 2, "mapcount": 1, "swap cache": "no", "exclusive": 1}, ("a",))
    lines = [tuple(line) for line in side_by_side(["5.7", "6.18"], [[view(1, one)], [view(1, other)]], 60)]
    assert lines == [
        ("    1  drain", False),
        ("       folio at frame 0, order 0", False),
        ("         mapcount 1, swap cache no", False),
        ("!        refcount 1025  (on 5.7)", True),
        ("!        refcount 2  (on 6.18)", True),
        ("!        exclusive 1  (on 6.18)", True),
        ("         - a", False),
    ]


def test_what_is_about_one_folio_stays_together() -> None:
    first = FolioView("folio 1", {"refcount": 1}, ("mapped", "pinned"))
    second = FolioView("folio 2", {"refcount": 1, "pincount": 1}, ("pinned",))
    walks = [[view(1, first, second)], [view(1, second, first)]]
    lines = [line.text.split("(")[0].strip(" !") for line in side_by_side(["5.7", "6.18"], walks, 60)]
    one, two = lines.index("folio 1"), lines.index("folio 2")
    assert lines[one : one + 4] == ["folio 1", "refcount 1", "- mapped", "- pinned"]
    assert lines[two : two + 3] == ["folio 2", "refcount 1, pincount 1", "- pinned"]


def test_kernel_whose_program_ended_shows_nothing_more() -> None:
    walks = [[view(1)], [view(1), view(2), view(None, text="release")]]
    lines = [tuple(line) for line in side_by_side(["5.7", "6.18"], walks, 2 * COLUMN_MIN + 3)]
    blank = " " * COLUMN_MIN
    assert lines[3:] == [(f"{blank} !   2  drain", True), (f"{blank} !      release", True)]


def test_kernels_that_follow_each_other_are_named_by_the_first_and_the_last() -> None:
    assert names(PROFILES) == "all 20 kernels"
    assert names(["5.7", "5.8", "5.9", "6.1", "6.8", "6.10"]) == "5.7 to 5.9, 6.1, 6.8, 6.10"
