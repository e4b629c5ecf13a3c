"""Programs as data: a header, a list of operations, and the text form of both.

    mmfuzz 1
    kernel: 6.18
    plant: fork-no-ref
    expect: fail identity
    note: the child's mapping holds no reference

    # Comments and blank lines may stand between operations.
    alloc p0 a0 base
    fault p0 a0.3+2 write
    fork p0 p1

The first line names the version of the format. Header lines are `key: value`, each key at most once; a
blank line ends the header. An operation is its name and one word for each of its fields, in the fields'
own order; area, page and count make one word: `a0` is the whole area, `a0.3` its page 3, `a0.3+2` two pages
from page 3. A last word that has a default may be left out. Nothing is executed and nothing is guessed: what does
not fit is a `ProgramError` with line and column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, NoReturn

from mmfuzz.errors import ProgramError, UsageError
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
    NAMES,
    OPERATIONS,
    PROCESSES_MAX,
    WHOLE,
    Operation,
)
from mmfuzz.profiles import DEFAULT, PIN_SCHEMES

VERSION = 1
SUFFIX = ".mm"
PASS = "pass"
OPERATIONS_MAX = 100_000
"""Operations of a program at most: what is longer is not a program that a person would keep."""
FRAMES = tuple(1 << order for order in range(4, 21))
"""Sizes that a simulated memory may have."""
SWAPS = ("disk", "zram")
"""Kinds of swap that a simulated kernel may have: one that takes its time, and one that answers at once."""
HUGE_ORDERS = tuple(range(2, HUGE + 1))
"""PMD orders: an area has at least four pages, at most the 512 of x86-64."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a program was read from: lines and columns count from 1."""

    path: str = "<string>"
    header: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Header key to the line and column of its value."""
    lines: tuple[int, ...] = ()
    """The line of each operation."""


@dataclass(frozen=True, slots=True)
class Program:
    """A header and operations. Two programs are equal when they say the same, wherever they came from."""

    ops: tuple[Operation, ...] = ()
    kernel: str = DEFAULT
    """Profile whose rules hold on a simulated kernel."""
    pins: str = ""
    """Pin scheme, where it is not the profile's own."""
    swap: str = ""
    """Kind of swap device of a simulated kernel, one of `SWAPS`; empty is a disk."""
    plant: str = ""
    """Planted bug that `expect` is about; empty when there is none."""
    expect: str = PASS
    """`pass`, or `fail PROPERTY`."""
    found: str = ""
    """When, where and by what it was found."""
    note: str = ""
    """What the program shows, in a sentence."""
    frames: int = 1024
    """Frames of a simulated memory."""
    huge: int = 3
    """Order of a PMD-sized folio: an area has `1 << huge` pages."""
    source: Source = field(default_factory=Source, compare=False, repr=False)

    def __post_init__(self) -> None:
        for key, read in _HEADER.items():
            value = getattr(self, key)
            try:
                fits = (value == "" and key in _MAY_BE_EMPTY) or read(str(value)) == value
                problem = f"{value!r} cannot be written on a line"
            except ValueError as error:
                fits, problem = False, str(error)
            if not fits:
                raise UsageError(f"program header {key!r}: {problem}")

    @property
    def expected_property(self) -> str | None:
        """The property that must fail, or None when the program must pass."""
        return self.expect.removeprefix("fail ") if self.expect != PASS else None

    def error(self, key: str, problem: str) -> ProgramError:
        """An error about the value of a header key, at its place in the text (or at the first line)."""
        line, column = self.source.header.get(key, (1, 1))
        return ProgramError(self.source.path, line, column, problem)


# --- header values: each reader raises ValueError with the problem ------------------------------------


def _read_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a name: letters, digits, '.', '_' and '-', at most 64")
    return text


def _read_line(text: str) -> str:
    if not text or text != text.strip() or not text.isprintable():
        raise ValueError(f"{text!r} is not one line of printable text")
    return text


def _read_expect(text: str) -> str:
    verdict, _, name = text.partition(" ")
    if text == PASS or (verdict == "fail" and _NAME.fullmatch(name)):
        return text
    raise ValueError(f"{text!r} is not allowed: 'pass' or 'fail PROPERTY'")


def _read_pins(text: str) -> str:
    if text in PIN_SCHEMES:
        return text
    raise ValueError(
        f"{text!r} is not a pin scheme{_did_you_mean(text, PIN_SCHEMES)}: one of {', '.join(PIN_SCHEMES)}"
    )


def _read_swap(text: str) -> str:
    if text in SWAPS:
        return text
    raise ValueError(f"{text!r} is not a kind of swap: one of {', '.join(SWAPS)}")


def _reader_of_number(what: str, allowed: Sequence[int]) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) not in allowed:
            raise ValueError(f"{text!r} is not allowed: {what} from {allowed[0]} to {allowed[-1]}")
        return int(text)

    return read


_HEADER: dict[str, Callable[[str], str | int]] = {
    "kernel": _read_name,
    "pins": _read_pins,
    "swap": _read_swap,
    "plant": _read_name,
    "expect": _read_expect,
    "found": _read_line,
    "note": _read_line,
    "frames": _reader_of_number("a power of two", FRAMES),
    "huge": _reader_of_number("a number", HUGE_ORDERS),
}
_MAY_BE_EMPTY = {"pins", "swap", "plant", "found", "note"}


# --- words of an operation ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Word:
    """One word of an operation line, and the fields that it spells.

    `read` gets the text and the pages of an area and returns the fields' values; it raises ValueError
    with the problem.
    """

    allowed: str
    read: Callable[[str, int], tuple[int, ...]]
    write: Callable[..., str]
    fields: tuple[str, ...]
    default: int | None = None
    """The value of the field where the word is left out; None where it may not be."""


def _slot(name: str, letter: str, slots_max: int) -> _Word:
    spelled = {f"{letter}{number}": number for number in range(slots_max)}
    allowed = f"{letter}0 to {letter}{slots_max - 1}"

    def read(text: str, _pages: int) -> tuple[int]:
        if text not in spelled:
            raise ValueError(f"{text!r} is not a {name}: {allowed}")
        return (spelled[text],)

    return _Word(f"a {name} ({allowed})", read, lambda number: f"{letter}{number}", (name,))


def _choice(name: str, spelled: Mapping[str, int], default: int | None = None) -> _Word:
    allowed = ", ".join(spelled)
    text_of = {value: text for text, value in spelled.items()}

    def read(text: str, _pages: int) -> tuple[int]:
        if text not in spelled:
            raise ValueError(f"{text!r} is not allowed{_did_you_mean(text, spelled)}: one of {allowed}")
        return (spelled[text],)

    return _Word(f"one of {allowed}", read, text_of.__getitem__, (name,), default)


_PLACE = re.compile(r"([a-z]+[0-9]{1,9})(?:\.([0-9]{1,9})(?:\+([0-9]{1,9}))?)?")
_PLACE_LENGTHS = {1: {1}, 2: {2}, 3: {1, 2, 3}}


@dataclass(frozen=True, slots=True)
class _Whole:
    """What pages are numbered in: an area, or a file."""

    field: str
    kind: str
    spelled: Mapping[str, int]

    def forms(self, words: int) -> str:
        """How a place of so many fields may look."""
        name, *_, last = self.spelled
        looks = {1: name, 2: f"{name}.3", 3: f"{name}, {name}.3 or {name}.3+2"}[words]
        return f"{looks} with {self.kind}s {name} to {last}"


_AREAS = {f"a{number}": number for number in range(AREAS_MAX)}
_WHOLES = (
    _Whole("area", "area", _AREAS),
    _Whole("to_area", "area", _AREAS),
    _Whole("file", "file", {kind.name: number for number, kind in enumerate(FILES)}),
)


def _place(whole: _Whole, names: tuple[str, ...]) -> _Word:
    """The word of (area), (area, page) or (area, page, count), or the same of a file."""
    forms = whole.forms(len(names))
    text_of = {number: text for text, number in whole.spelled.items()}

    def read(text: str, pages: int) -> tuple[int, ...]:
        match = _PLACE.fullmatch(text)
        groups = [group for group in match.groups() if group] if match else []
        if len(groups) not in _PLACE_LENGTHS[len(names)]:
            raise ValueError(f"{text!r} does not fit: {forms}")
        if groups[0] not in whole.spelled:
            raise ValueError(f"{text!r} is not {_a(whole.kind)}: {_first_to_last(whole.spelled)}")
        numbers = [int(group) for group in groups[1:]]
        page, count = (*numbers, 1, 1)[:2] if numbers else (0, WHOLE)
        if not 0 <= page < pages or page + count > pages or (count == WHOLE and len(groups) == 3):
            raise ValueError(f"{text!r} is no range of an area of {pages} pages: pages 0 to {pages - 1}")
        return (whole.spelled[groups[0]], page, count)[: len(names)]

    def write(number: int, page: int | None = None, count: int = 1) -> str:
        if page is None or (count == WHOLE and page == 0):
            return text_of[number]
        if count == WHOLE:
            raise UsageError(f"a range of the whole {whole.kind} begins at page 0, not at page {page}")
        return f"{text_of[number]}.{page}" + ("" if count == 1 else f"+{count}")

    return _Word(f"a place ({forms})", read, write, names)


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _first_to_last(names: Mapping[str, int]) -> str:
    first, *_, last = names
    return f"{first} to {last}"


def _read_size(text: str, pages: int) -> tuple[int]:
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > pages:
        raise ValueError(f"{text!r} is not a size in pages: 0 to {pages}")
    return (int(text),)


_ORDERS = {"base": BASE, **{f"order{order}": order for order in MTHP_ORDERS}, "huge": HUGE}

_WORDS: dict[str, _Word] = {
    "process": _slot("process", "p", PROCESSES_MAX),
    "child": _slot("child", "p", PROCESSES_MAX),
    "handle": _slot("handle", "h", HANDLES_MAX),
    "order": _choice("order", _ORDERS),
    "write": _choice("write", {"read": False, "write": True}),
    "shared": _choice("shared", {"private": False, "shared": True}),
    "size": _Word("a size in pages", _read_size, str, ("size",)),
    "dirty": _choice("dirty", {"clean": CLEAN, "dirty": DIRTY, "dirty-lock": DIRTY_LOCK}, AS_WRITTEN),
    "point": _choice("point", {name: point for point, name in enumerate(FAILURES)}),
}


def _words_of(kind: type[Operation]) -> Iterator[_Word]:
    names = [f.name for f in fields(kind)]
    for name in names:
        whole = next((whole for whole in _WHOLES if whole.field == name), None)
        if whole is not None:
            paged = "file" not in names or "area" not in names
            pages = ("to_page",) if name == "to_area" else ("page", "count")
            yield _place(whole, (name, *(n for n in pages if n in names and paged)))
        elif name not in ("page", "count", "to_page"):
            yield _WORDS[name]


_SHAPES = {kind: tuple(_words_of(kind)) for kind in OPERATIONS}
_KINDS = {name: kind for kind, name in NAMES.items()}


# --- printing -----------------------------------------------------------------------------------------


def format_op(op: Operation) -> str:
    """The line of one operation, such as `fault p0 a0.3+2 write`."""
    words = [NAMES[type(op)]]
    for word in _SHAPES[type(op)]:
        values = [getattr(op, name) for name in word.fields]
        if word.default is None or values != [word.default]:
            words.append(word.write(*values))
    return " ".join(words)


def format_program(program: Program) -> str:
    """The text of a program, as `parse` reads it back; header keys without a value are left out."""
    lines = [f"mmfuzz {VERSION}"]
    lines += [f"{key}: {value}" for key in _HEADER if (value := getattr(program, key)) != ""]
    return "\n".join([*lines, "", *map(format_op, program.ops)]) + "\n"


# --- parsing ------------------------------------------------------------------------------------------


def parse(text: str, path: str = "<string>") -> Program:
    """Read a program from its text; `path` is what errors name. Raises `ProgramError`."""
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    return _Parser(path, lines).program()


@dataclass(slots=True)
class _Parser:
    path: str
    lines: list[str]

    def program(self) -> Program:
        self.first_line()
        body, header = self.header()
        values = {key: value for key, (value, _, _) in header.items()}
        places = {key: (line, column) for key, (_, line, column) in header.items()}
        pages = 1 << int(values.get("huge", Program.__dataclass_fields__["huge"].default))
        ops: list[Operation] = []
        numbers: list[int] = []
        for number, line in enumerate(self.lines[body:], body + 1):
            if not line.partition("#")[0].strip():
                continue
            if len(ops) == OPERATIONS_MAX:
                self.fail(number, 1, f"more than {OPERATIONS_MAX} operations")
            ops.append(self.operation(number, line.partition("#")[0], pages))
            numbers.append(number)
        source = Source(self.path, places, tuple(numbers))
        return Program(tuple(ops), source=source, **values)

    def fail(self, line: int, column: int, problem: str) -> NoReturn:
        raise ProgramError(self.path, line, column, problem)

    def first_line(self) -> None:
        """The line that names the format: `mmfuzz 1`."""
        word, _, version = self.lines[0].rstrip().partition(" ")
        if word != "mmfuzz":
            self.fail(1, 1, f"{self.lines[0][:40]!r} is not the first line of a program: 'mmfuzz {VERSION}'")
        if version != str(VERSION):
            self.fail(1, 8, f"version {version[:20]!r} is not known: this is version {VERSION}")

    def header(self) -> tuple[int, dict[str, tuple[Any, int, int]]]:
        """The number of lines before the operations, and (value, line, column) of each key."""
        found: dict[str, tuple[Any, int, int]] = {}
        for number, line in enumerate(self.lines[1:], 2):
            if not line.strip():
                return number, found
            if line.startswith("#"):
                continue
            key, colon, text = line.partition(":")
            column = len(line) - len(text.lstrip()) + 1
            if not colon:
                self.fail(
                    number,
                    1,
                    f"{line[:40]!r} is not a header line 'key: value'; a blank line ends the header",
                )
            if key not in _HEADER:
                self.fail(
                    number,
                    1,
                    f"unknown key {key[:40]!r}{_did_you_mean(key, _HEADER)}: one of {', '.join(_HEADER)}",
                )
            if key in found:
                self.fail(number, 1, f"key {key!r} stands twice, first on line {found[key][1]}")
            try:
                found[key] = (_HEADER[key](text.strip()), number, column)
            except ValueError as error:
                self.fail(number, column, f"{key}: {error}")
        return len(self.lines), found

    def operation(self, number: int, line: str, pages: int) -> Operation:
        """One operation line, its comment taken off; `pages` is the size of an area."""
        name, *words = re.finditer(r"\S+", line)
        kind = _KINDS.get(name[0])
        if kind is None:
            close = _did_you_mean(name[0], _KINDS)
            self.fail(
                number,
                name.start() + 1,
                f"unknown operation {name[0][:40]!r}{close}: one of {', '.join(_KINDS)}",
            )
        shape = _SHAPES[kind]
        values: dict[str, Any] = {}
        for word, given in zip(shape, words, strict=False):
            try:
                values.update(zip(word.fields, word.read(given[0], pages), strict=True))
            except ValueError as error:
                self.fail(number, given.start() + 1, f"{name[0]}: {error}")
        if len(words) < len(shape) and shape[len(words)].default is None:
            self.fail(number, len(line.rstrip()) + 1, f"{name[0]}: {shape[len(words)].allowed} is missing")
        if len(words) > len(shape):
            extra = words[len(shape)]
            self.fail(
                number,
                extra.start() + 1,
                f"{name[0]}: {extra[0][:40]!r} is too much: {len(shape)} words are expected",
            )
        return kind(**values)


def _did_you_mean(text: str, known: Iterable[str]) -> str:
    close = get_close_matches(text, known, 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
