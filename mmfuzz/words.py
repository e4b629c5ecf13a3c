"""How operations are spelled: the words of each kind, and the fields that a word stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches

from mmfuzz.errors import UsageError
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
    PROCESSES_MAX,
    THREAD_NAMES,
    WHOLE,
    Operation,
)


@dataclass(frozen=True, slots=True)
class Word:
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


def _slot(name: str, letter: str, slots_max: int, *, field: str = "") -> Word:
    spelled = {f"{letter}{number}": number for number in range(slots_max)}
    allowed = f"{letter}0 to {letter}{slots_max - 1}"

    def read(text: str, _pages: int) -> tuple[int]:
        if text not in spelled:
            raise ValueError(f"{text!r} is not a {name}: {allowed}")
        return (spelled[text],)

    return Word(f"a {name} ({allowed})", read, lambda number: f"{letter}{number}", (field or name,))


def _choice(name: str, spelled: Mapping[str, int], default: int | None = None) -> Word:
    allowed = ", ".join(spelled)
    text_of = {value: text for text, value in spelled.items()}

    def read(text: str, _pages: int) -> tuple[int]:
        if text not in spelled:
            raise ValueError(f"{text!r} is not allowed{did_you_mean(text, spelled)}: one of {allowed}")
        return (spelled[text],)

    return Word(f"one of {allowed}", read, text_of.__getitem__, (name,), default)


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


def _place(whole: _Whole, names: tuple[str, ...]) -> Word:
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

    return Word(f"a place ({forms})", read, write, names)


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

_WORDS: dict[str, Word] = {
    "process": _slot("process", "p", PROCESSES_MAX),
    "child": _slot("child", "p", PROCESSES_MAX),
    "handle": _slot("handle", "h", HANDLES_MAX),
    "new": _slot("handle", "h", HANDLES_MAX, field="new"),
    "order": _choice("order", _ORDERS),
    "write": _choice("write", {"read": False, "write": True}),
    "shared": _choice("shared", {"private": False, "shared": True}),
    "size": Word("a size in pages", _read_size, str, ("size",)),
    "dirty": _choice("dirty", {"clean": CLEAN, "dirty": DIRTY, "dirty-lock": DIRTY_LOCK}, AS_WRITTEN),
    "point": _choice("point", {name: point for point, name in enumerate(FAILURES)}),
}


def _words_of(kind: type[Operation]) -> Iterator[Word]:
    names = [f.name for f in fields(kind)]
    for name in names:
        whole = next((whole for whole in _WHOLES if whole.field == name), None)
        if whole is not None:
            paged = "file" not in names or "area" not in names
            pages = ("to_page",) if name == "to_area" else ("page", "count")
            yield _place(whole, (name, *(n for n in pages if n in names and paged)))
        elif name not in ("page", "count", "to_page"):
            yield _WORDS[name]


SPELLED = NAMES | THREAD_NAMES
SHAPES = {kind: tuple(_words_of(kind)) for kind in SPELLED}
KINDS = {name: kind for kind, name in SPELLED.items()}


def format_op(op: Operation) -> str:
    """The line of one operation, such as `fault p0 a0.3+2 write`."""
    words = [SPELLED[type(op)]]
    for word in SHAPES[type(op)]:
        values = [getattr(op, name) for name in word.fields]
        if word.default is None or values != [word.default]:
            words.append(word.write(*values))
    return " ".join(words)


def did_you_mean(text: str, known: Iterable[str]) -> str:
    close = get_close_matches(text, known, 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
