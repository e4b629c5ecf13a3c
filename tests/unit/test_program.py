"""Text form of programs: parse and print are inverses, and errors say where and what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmfuzz.errors import ProgramError, UsageError
from mmfuzz.interleave.schedule import Move, Schedule
from mmfuzz.ops import (
    AREAS_MAX,
    AS_WRITTEN,
    BASE,
    CLEAN,
    DIRTY,
    DIRTY_LOCK,
    FAILURES,
    FILES,
    HANDLES_MAX,
    HUGE,
    MTHP_ORDERS,
    OPERATIONS,
    PROCESSES_MAX,
    THREAD_OPERATIONS,
    WHOLE,
    Alloc,
    Dup,
    Fault,
    Fork,
    Operation,
    Pin,
    Unpin,
)
from mmfuzz.program import MEMORIES, Program, Thread, format_op, format_program, parse

HUGE_ORDERS = st.integers(2, 9)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True)
LINES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" ")).map(str.strip)


@st.composite
def ranges(draw: st.DrawFn, pages: int) -> tuple[int, int]:
    page = draw(st.integers(0, pages - 1))
    return (0, WHOLE) if draw(st.booleans()) else (page, draw(st.integers(1, pages - page)))


@st.composite
def operations(draw: st.DrawFn, pages: int, kinds: tuple[type[Operation], ...] = OPERATIONS) -> Operation:
    kind = draw(st.sampled_from(kinds))
    page, count = draw(ranges(pages))
    values = {
        "process": draw(st.integers(0, PROCESSES_MAX - 1)),
        "child": draw(st.integers(0, PROCESSES_MAX - 1)),
        "area": draw(st.integers(0, AREAS_MAX - 1)),
        "handle": draw(st.integers(0, HANDLES_MAX - 1)),
        "new": draw(st.integers(0, HANDLES_MAX - 1)),
        "file": draw(st.integers(0, len(FILES) - 1)),
        "shared": draw(st.booleans()),
        "size": draw(st.integers(0, pages)),
        "order": draw(st.sampled_from([BASE, *MTHP_ORDERS, HUGE])),
        "write": draw(st.booleans()),
        "dirty": draw(st.sampled_from([AS_WRITTEN, CLEAN, DIRTY, DIRTY_LOCK])),
        "point": draw(st.integers(0, len(FAILURES) - 1)),
        "to_area": draw(st.integers(0, AREAS_MAX - 1)),
        "to_page": draw(st.integers(0, pages - 1)),
        "page": page,
        "count": count,
    }
    return kind(**{name: values[name] for name in kind.__dataclass_fields__})


@st.composite
def races(draw: st.DrawFn, pages: int) -> dict[str, Any]:
    """Threads, and what only a program with threads says in its header."""
    ops = st.lists(operations(pages, (*OPERATIONS, *THREAD_OPERATIONS)), max_size=5).map(tuple)
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    move = st.builds(Move, st.integers(0, len(names) - 1), st.booleans(), st.just(0) | st.integers(1, 9))
    return {
        "threads": tuple(Thread(name, draw(ops)) for name in names),
        "memory": draw(st.sampled_from(["", *MEMORIES])),
        "schedule": str(Schedule(tuple(draw(st.lists(move, max_size=20))))),
    }


@st.composite
def programs(draw: st.DrawFn) -> Program:
    huge = draw(HUGE_ORDERS)
    return Program(
        tuple(draw(st.lists(operations(1 << huge), max_size=20))),
        **draw(st.just({}) | races(1 << huge)),
        kernel=draw(NAMES),
        plant=draw(st.just("") | NAMES),
        expect=draw(st.just("pass") | NAMES.map("fail {}".format)),
        found=draw(LINES),
        note=draw(LINES),
        frames=1 << draw(st.integers(6, 20)),
        huge=huge,
    )


RACE = """mmfuzz 1
kernel: 2.6.38
expect: pass
memory: weak
schedule: a3b^1a2
frames: 1024
huge: 3

alloc p0 a0 huge
get p0 a0.3 write h0

thread put
dup h1 h0
put h0

thread split
split p0 a0.0
"""


def test_race_has_a_set_up_and_threads() -> None:
    program = parse(RACE)
    assert format_program(program) == RACE
    assert [thread.name for thread in program.threads] == ["put", "split"]
    assert program.threads[0].ops[0] == Dup(new=1, handle=0)
    assert len(program.ops) == 2
    assert (program.memory, program.schedule) == ("weak", "a3b^1a2")
    assert program.source.lines == (9, 10)
    assert program.source.threads == ((12, 13, 14), (16, 17))


def test_race_without_a_set_up() -> None:
    text = "mmfuzz 1\nkernel: 6.18\nexpect: pass\nframes: 1024\nhuge: 3\n\nthread a\ndrain\n"
    assert format_program(parse(text)) == text


@given(programs())
def test_parse_undoes_print(program: Program) -> None:
    assert parse(format_program(program)) == program


def test_word_that_has_a_default_may_be_left_out() -> None:
    program = parse("mmfuzz 1\n\nunpin h0\nunpin h0 clean\nunpin h0 dirty-lock\n")
    assert program.ops == (Unpin(0), Unpin(0, CLEAN), Unpin(0, DIRTY_LOCK))
    assert [format_op(op) for op in program.ops] == ["unpin h0", "unpin h0 clean", "unpin h0 dirty-lock"]
    with pytest.raises(ProgramError, match=r"3:10: unpin: 'soiled' is not allowed: one of clean, dirty"):
        parse("mmfuzz 1\n\nunpin h0 soiled\n")


@given(programs())
def test_print_undoes_parse(program: Program) -> None:
    text = format_program(program)
    assert format_program(parse(text)) == text


@given(programs(), st.data())
def test_comments_and_blank_lines_between_operations_change_nothing(
    program: Program, data: st.DataObject
) -> None:
    header, body = format_program(program).split("\n\n", 1)
    noise = st.sampled_from(["", "  ", "# alloc p0 a0 base", "  # indented"])
    lines = [f"{data.draw(noise)}\n{line}  # said after" for line in body.splitlines()]
    assert parse(header + "\n\n" + "\n".join(lines)) == program


@given(st.text())
def test_any_text_is_a_program_or_a_program_error(text: str) -> None:
    try:
        parse("mmfuzz 1\n" + text)
    except ProgramError as error:
        assert error.line >= 1
        assert error.column >= 1


@given(programs(), st.data())
def test_damaged_program_is_a_program_or_a_program_error(program: Program, data: st.DataObject) -> None:
    text = format_program(program)
    place = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:place] + data.draw(st.text(max_size=3)) + text[place + data.draw(st.integers(0, 3)) :]
    try:
        assert parse(format_program(parse(damaged))) == parse(damaged)
    except ProgramError as error:
        assert error.line <= damaged.count("\n") + 1


@pytest.mark.parametrize(
    "line",
    [
        "alloc p0 a0 huge",
        "alloc p0 a1 base",
        "alloc p0 a1 order2",
        "fault p0 a0.3 write",
        "fault p0 a0.3+2 read",
        "fault p0 a0 write",
        "fork p0 p1",
        "exit p1",
        "pin p0 a0.3+2 write h0",
        "unpin h0",
        "get p0 a0.0 read h1",
        "put h1",
        "dma h0 write",
        "split_map p0 a0",
        "split p0 a0.3",
        "collapse p0 a0",
        "unmap p0 a0.3+2",
        "dontneed p0 a0",
        "swap_out p0 a0.3",
        "swap_in p0 a0.3",
        "free_swap p0 a0",
        "migrate p0 a0.3",
        "drain",
        "free p0 a0",
    ],
)
def test_every_kind_is_written_in_the_order_of_its_fields(line: str) -> None:
    (op,) = parse(f"mmfuzz 1\n\n{line}\n").ops
    assert format_op(op) == line


def test_words_become_the_fields_of_the_operation() -> None:
    program = parse("mmfuzz 1\n\nalloc p0 a1 order2\nfault p0 a1 read\npin p2 a1.3+2 write h4\n")
    assert program.ops == (
        Alloc(0, 1, 2),
        Fault(0, 1, 0, WHOLE, write=False),
        Pin(2, 1, 3, 2, write=True, handle=4),
    )


def test_header_is_read_and_its_places_are_kept() -> None:
    program = parse("mmfuzz 1\nkernel: 5.10\n# why\nexpect: fail identity\nhuge:  9\n\nfork p0 p1\n", "x.mm")
    assert program == Program((Fork(0, 1),), kernel="5.10", expect="fail identity", huge=9)
    assert program.expected_property == "identity"
    assert program.source.lines == (7,)
    assert str(program.error("kernel", "no such profile")) == "x.mm:2:9: no such profile"
    assert str(program.error("huge", "too much")) == "x.mm:5:8: too much"
    assert str(program.error("plant", "absent")) == "x.mm:1:1: absent"


def test_where_a_program_came_from_is_no_part_of_its_identity() -> None:
    text = "mmfuzz 1\n\ndrain\n"
    assert parse(text, "a.mm") == parse(text, "b.mm")
    assert hash(parse(text, "a.mm")) == hash(parse(text, "b.mm"))


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("", 1, 1, "'' is not the first line of a program: 'mmfuzz 1'"),
        ("mmfuzz 2\n", 1, 8, "version '2' is not known: this is version 1"),
        (
            "mmfuzz 1\nkernl: 6.18\n",
            2,
            1,
            "unknown key 'kernl' (did you mean 'kernel'?): one of kernel, pins, swap, plant",
        ),
        ("mmfuzz 1\nkernel: 6.18\nkernel: 6.1\n", 3, 1, "key 'kernel' stands twice, first on line 2"),
        ("mmfuzz 1\nkernel: a b\n", 2, 9, "kernel: 'a b' is not a name"),
        ("mmfuzz 1\nexpect: fails\n", 2, 9, "expect: 'fails' is not allowed: 'pass' or 'fail PROPERTY'"),
        ("mmfuzz 1\nhuge: 10\n", 2, 7, "huge: '10' is not allowed: a number from 1 to 9"),
        ("mmfuzz 1\nframes: 9\n", 2, 9, "frames: '9' is not allowed: a power of two from 16 to 1048576"),
        ("mmfuzz 1\nframes: 100\n", 2, 9, "frames: '100' is not allowed: a power of two from 16 to 1048576"),
        (
            "mmfuzz 1\ndrain\n",
            2,
            1,
            "'drain' is not a header line 'key: value'; a blank line ends the header",
        ),
        (
            "mmfuzz 1\n\ndrian\n",
            3,
            1,
            "unknown operation 'drian' (did you mean 'drain'?): one of alloc, fault",
        ),
        ("mmfuzz 1\n\nfork p0 p8\n", 3, 9, "fork: 'p8' is not a child: p0 to p7"),
        ("mmfuzz 1\n\n  fork  p0\n", 3, 11, "fork: a child (p0 to p7) is missing"),
        ("mmfuzz 1\n\nfork p0 p1 p2\n", 3, 12, "fork: 'p2' is too much: 2 words are expected"),
        (
            "mmfuzz 1\n\nalloc p0 a0 hug\n",
            3,
            13,
            "alloc: 'hug' is not allowed (did you mean 'huge'?): one of base",
        ),
        (
            "mmfuzz 1\n\nfault p0 a0.8 read\n",
            3,
            10,
            "fault: 'a0.8' is no range of an area of 8 pages: pages 0 to 7",
        ),
        ("mmfuzz 1\n\nfault p0 a0.7+2 read\n", 3, 10, "'a0.7+2' is no range of an area of 8 pages"),
        ("mmfuzz 1\n\nfault p0 a0.0+0 read\n", 3, 10, "'a0.0+0' is no range of an area of 8 pages"),
        ("mmfuzz 1\n\nfault p0 a8 read\n", 3, 10, "'a8' is not an area: a0 to a7"),
        ("mmfuzz 1\n\nsplit p0 a0\n", 3, 10, "split: 'a0' does not fit: a0.3 with areas a0 to a7"),
        ("mmfuzz 1\n\nfree p0 a0.1\n", 3, 9, "free: 'a0.1' does not fit: a0 with areas a0 to a7"),
        ("mmfuzz 1\n\nfault p0 a0.\u0663 read\n", 3, 10, "does not fit"),
        ("mmfuzz 1\n\n dup h1 h0\n", 3, 2, "dup: only a thread of a race can do this, after a 'thread' line"),
        ("mmfuzz 1\n\nthread\n", 3, 7, "thread: a name is missing"),
        ("mmfuzz 1\n\nthread a b\n", 3, 10, "thread: 'b' is too much: a name is expected"),
        ("mmfuzz 1\n\nthread a/b\n", 3, 8, "thread: 'a/b' is not a name"),
        ("mmfuzz 1\n\nthread a\nthread a\n", 4, 8, "thread: 'a' is there already, on line 3"),
        ("mmfuzz 1\n\nthread a\ndup h1 h8\n", 4, 8, "dup: 'h8' is not a handle: h0 to h7"),
        ("mmfuzz 1\n\n" + "".join(f"thread t{n}\n" for n in range(27)), 29, 1, "more than 26 threads"),
        ("mmfuzz 1\nmemory: week\n", 2, 9, "memory: 'week' is not a model of memory (did you mean 'weak'?)"),
        ("mmfuzz 1\nmemory: sc\n", 2, 9, "memory: of a race only, and no 'thread' line follows"),
        (
            "mmfuzz 1\nschedule: a3-b\n",
            2,
            13,
            "schedule: '-' is no thread: a schedule is letters with counts",
        ),
        ("mmfuzz 1\nschedule: a3b0\n", 2, 13, "schedule: a run of 0 steps"),
        ("mmfuzz 1\nschedule:\n", 2, 10, "schedule: '' is not a schedule"),
        ("mmfuzz 1\nschedule: " + "a999999" * 9, 2, 18, "schedule: more than 1000000 moves up to here"),
        (
            "mmfuzz 1\nschedule: a3C\n\nthread a\nthread b\n",
            2,
            11,
            "schedule: it has a thread 'c', and the last one is 'b'",
        ),
    ],
)
def test_error_names_line_column_value_and_what_is_allowed(
    text: str, line: int, column: int, says: str
) -> None:
    with pytest.raises(ProgramError) as caught:
        parse(text, "x.mm")
    assert (caught.value.line, caught.value.column) == (line, column)
    assert says in caught.value.problem
    assert str(caught.value).startswith(f"x.mm:{line}:{column}: ")


def test_size_of_an_area_follows_the_header() -> None:
    assert parse("mmfuzz 1\nhuge: 9\n\nfault p0 a0.511 read\n").ops == (Fault(0, 0, 511, 1, write=False),)


@pytest.mark.parametrize(
    "change",
    [
        {"note": "two\nlines"},
        {"kernel": ""},
        {"expect": "maybe"},
        {"huge": 0},
        {"plant": "a b"},
        {"note": " x"},
        {"memory": "sc"},
        {"schedule": "a"},
        {"ops": (Dup(1, 0),)},
        {"threads": (Thread("a b"),)},
        {"threads": (Thread("a"), Thread("a"))},
        {"threads": (Thread("a"),), "schedule": "b"},
        {"threads": tuple(Thread(f"t{number}") for number in range(27))},
    ],
)
def test_program_that_could_not_be_written_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        replace(Program(), **change)


def test_whole_range_that_does_not_begin_at_page_0_is_refused() -> None:
    with pytest.raises(UsageError, match="begins at page 0, not at page 3"):
        format_op(Fault(0, 0, 3, WHOLE, write=True))
