"""What the rows of a picture say, and that its page asks for nothing beside itself."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mmfuzz.errors import UsageError
from mmfuzz.interleave.trace import Event
from mmfuzz.report.lanes import Fold, Picture, Step, Switch
from mmfuzz.report.lanes_html import lanes_page, write_lanes
from tests.snapshots.executions import message_passing, store_buffer, three_threads

VOID = {"meta", "input", "br", "link", "img"}


def steps(picture: Picture) -> dict[int, Step]:
    return {row.number: row for row in picture.rows if isinstance(row, Step)}


def test_read_of_an_old_value_says_what_it_missed() -> None:
    last = steps(Picture(message_passing(), "x", "weak"))[7]
    assert (last.seen, last.source, last.newer) == ("start", None, 4)
    assert last.remarks == ("old: newer is 7 of #4 a",)
    assert last.failed


def test_read_of_what_another_wrote_says_whose_write_it_was() -> None:
    read = steps(Picture(message_passing(), "x", "weak"))[6]
    assert (read.seen, read.source, read.newer, read.remarks) == ("#5 a", 5, None, ())


def test_write_in_a_store_buffer_is_not_seen_by_others() -> None:
    shown = steps(Picture(store_buffer(), "x", "tso"))
    assert [shown[number].newer for number in (2, 3)] == [1, 0]
    assert shown[2].remarks == ("old: newer is 1 of #1 b, still in its store buffer",)
    assert not any(step.remarks for step in steps(Picture(store_buffer(), "x", "sc")).values())


def test_lock_is_free_when_its_write_leaves_the_store_buffer() -> None:
    events = [
        Event(0, 0, "lock", "lock of p0 a0", "acquire"),
        Event(1, 0, "store", "lock of p0 a0", "release", wrote="none"),
        Event(2, 0, "flush", "lock of p0 a0", wrote="none"),
    ]
    execution = replace(store_buffer(), events=tuple(events))
    shown = steps(Picture(execution, "x", "tso", everything=True))
    assert [(step.verb, step.value) for step in shown.values()] == [
        ("lock", ""),
        ("unlock", ""),
        ("flush", "free"),
    ]


def test_write_that_comes_late_says_before_what() -> None:
    shown = steps(Picture(three_threads(), "x", "weak"))
    assert shown[9].remarks == ("late: counts as before #3 a",)


def test_what_only_one_thread_touches_is_folded() -> None:
    picture = Picture(message_passing(), "x", "weak")
    (fold,) = (row for row in picture.rows if isinstance(row, Fold))
    assert fold.cells == ("frame 3 lru", "frame 3 dirty")
    assert picture.folded == 2
    assert {*steps(picture), 2, 3} == set(steps(Picture(message_passing(), "x", "weak", everything=True)))


def test_step_that_broke_the_property_is_never_folded() -> None:
    execution = replace(message_passing(), failed_at=3, data_races=())
    assert steps(Picture(execution, "x", "weak"))[3].failed


def test_data_race_is_shown_at_the_step_that_made_it() -> None:
    execution = replace(message_passing(), failed="", message="", failed_at=None)
    picture = Picture(execution, "x", "weak")
    assert [number for number, step in steps(picture).items() if step.failed] == [7]
    assert picture.verdict == "data-race: nothing orders two accesses of frame 3 content"
    allowed = replace(execution, data_races=(replace(execution.data_races[0], reason="known"),))
    assert not any(step.failed for step in steps(Picture(allowed, "x", "weak")).values())


def test_thread_that_was_never_picked_did_nothing() -> None:
    execution = replace(message_passing(), events=message_passing().events[:4], failed_at=3, data_races=())
    assert {row.thread for row in Picture(execution, "x", "weak").rows} == {0}


def test_switches_are_those_of_the_schedule() -> None:
    for execution, memory in (
        (message_passing(), "weak"),
        (store_buffer(), "tso"),
        (three_threads(), "weak"),
    ):
        rows = Picture(execution, "x", memory).rows
        assert sum(isinstance(row, Switch) for row in rows) == execution.switches


class Page(HTMLParser):
    """The identities of elements, what refers to them, and what the page asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.wanted: list[str] = []
        self.asked: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("data-source", "data-newer"):
                self.wanted.append(value or "")
            elif name in ("src", "href", "action", "data"):
                self.asked.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_whole_and_asks_for_nothing(tmp_path: Path) -> None:
    pictures = [
        Picture(message_passing(), "<publish> & look", "weak", "mmfuzz race 'a b.mm'"),
        Picture(store_buffer(), "buffers", "tso"),
    ]
    write_lanes(pictures, tmp_path / "race.html")
    text = (tmp_path / "race.html").read_text()
    found = Page(text)
    assert not found.open
    assert len(set(found.ids)) == len(found.ids) == 8 + 6 - 2, "every step of both has a place of its own"
    assert set(found.wanted) <= set(found.ids)
    assert all(asked[1:] in found.ids for asked in found.asked if asked.startswith("#"))
    assert all(asked.startswith("#") for asked in found.asked)
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org/2000/svg)", text)
    assert "&lt;publish&gt; &amp; look" in text
    assert "contents fails at #7: p1 reads 0 where 7 was written" in text


def test_arrow_of_a_page_is_drawn_between_steps() -> None:
    found = Page(lanes_page([Picture(store_buffer(), "buffers", "tso")]))
    assert found.wanted == ["p1-1", "p1-0"]


def test_page_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        write_lanes([], tmp_path / "nowhere" / "race.html")
