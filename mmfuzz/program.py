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

A race is a program with threads: what stands before the first `thread` line is done first, by one alone, and what
follows each such line, up to the next, is what a thread of that name does. Its header may say under which model of
memory, and by which schedule, in which the first thread is `a`.

    mmfuzz 1
    kernel: 2.6.38
    memory: weak
    schedule: a7b12a3^1

    alloc p0 a0 huge
    get p0 a0.3 write h0

    thread put
    put h0

    thread split
    split p0 a0.0
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from mmfuzz.errors import ProgramError, UsageError
from mmfuzz.interleave.schedule import THREADS_MAX, Schedule, ScheduleError
from mmfuzz.ops import HUGE, THREAD_NAMES, Operation
from mmfuzz.profiles import DEFAULT, PIN_SCHEMES
from mmfuzz.words import KINDS, SHAPES, did_you_mean
from mmfuzz.words import format_op as format_op

VERSION = 1
THREAD = "thread"
"""The word that begins what a thread does."""
SUFFIX = ".mm"
PASS = "pass"
OPERATIONS_MAX = 100_000
"""Operations of a program at most: what is longer is not a program that a person would keep."""
FRAMES = tuple(1 << order for order in range(4, 21))
"""Sizes that a simulated memory may have."""
SWAPS = ("disk", "zram")
"""Kinds of swap that a simulated kernel may have: one that takes its time, and one that answers at once."""
MEMORIES = ("sc", "tso", "weak")
"""Models of memory that the threads of a race may run under, the strictest first."""
HUGE_ORDERS = tuple(range(1, HUGE + 1))
"""PMD orders: an area has two pages at least, at most the 512 of x86-64."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a program was read from: lines and columns count from 1."""

    path: str = "<string>"
    header: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Header key to the line and column of its value."""
    lines: tuple[int, ...] = ()
    """The line of each operation."""
    threads: tuple[tuple[int, ...], ...] = ()
    """Of each thread, its own line and then that of each operation."""


@dataclass(frozen=True, slots=True)
class Thread:
    """What one thread of a race does."""

    name: str
    ops: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A header and operations. Two programs are equal when they say the same, wherever they came from."""

    ops: tuple[Operation, ...] = ()
    """What is done first, one after the other; without threads, all there is."""
    threads: tuple[Thread, ...] = ()
    """What is done then, at the same time; a program that has any is a race."""
    kernel: str = DEFAULT
    """Profile whose rules hold on a simulated kernel."""
    pins: str = ""
    """Pin scheme, where it is not the profile's own."""
    swap: str = ""
    """Kind of swap device of a simulated kernel, one of `SWAPS`; empty is a disk."""
    memory: str = ""
    """Model of memory of a race, one of `MEMORIES`."""
    schedule: str = ""
    """The schedule of a race that does what `expect` says; without one every schedule has to be looked at."""
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
        for thread in self.threads:
            if not _NAME.fullmatch(thread.name):
                raise UsageError(f"thread name {thread.name!r} cannot be written on a line")
        problem = _of_threads(self) or _alone(self.ops)
        if problem:
            raise UsageError(f"program: {problem}")

    @property
    def length(self) -> int:
        """Operations in all, those of threads among them."""
        return len(self.ops) + sum(len(thread.ops) for thread in self.threads)

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


def _read_memory(text: str) -> str:
    if text in MEMORIES:
        return text
    close = did_you_mean(text, MEMORIES)
    raise ValueError(f"{text!r} is not a model of memory{close}: one of {', '.join(MEMORIES)}")


class _Inside(ValueError):
    """A problem at a column of a value, counted from 0."""

    def __init__(self, column: int, problem: str) -> None:
        super().__init__(problem)
        self.column = column


def _read_schedule(text: str) -> str:
    if not text:
        raise ValueError("'' is not a schedule: letters with counts, such as a12b4a^1")
    try:
        Schedule.parse(text)
    except ScheduleError as error:
        raise _Inside(error.column - 1, error.problem) from error
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
        f"{text!r} is not a pin scheme{did_you_mean(text, PIN_SCHEMES)}: one of {', '.join(PIN_SCHEMES)}"
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
    "memory": _read_memory,
    "schedule": _read_schedule,
    "found": _read_line,
    "note": _read_line,
    "frames": _reader_of_number("a power of two", FRAMES),
    "huge": _reader_of_number("a number", HUGE_ORDERS),
}
_MAY_BE_EMPTY = {"pins", "swap", "memory", "schedule", "plant", "found", "note"}
_OF_A_RACE = ("memory", "schedule")
"""Header keys that say something of threads."""


# --- what holds of a program as a whole ---------------------------------------------------------------


def _of_threads(program: Program) -> str:
    """What is wrong with the threads, or with what the header says of them."""
    names = [thread.name for thread in program.threads]
    if len(names) > THREADS_MAX:
        return f"{len(names)} threads: {THREADS_MAX} at most"
    if len(set(names)) < len(names):
        return f"two threads of one name: {', '.join(names)}"
    key = next((key for key in _OF_A_RACE if getattr(program, key)), "")
    if key and not names:
        return f"{key}: of a race only, and no 'thread' line follows"
    numbers = {move.thread for move in Schedule.parse(program.schedule).moves}
    if numbers and max(numbers) >= len(names):
        letter = chr(97 + max(numbers))
        return f"schedule: it has a thread {letter!r}, and the last one is {chr(96 + len(names))!r}"
    return ""


def _alone(ops: Iterable[Operation]) -> str:
    """What is wrong with operations that are done by one alone."""
    name = next((THREAD_NAMES[type(op)] for op in ops if type(op) in THREAD_NAMES), "")
    return f"{name}: only a thread of a race can do this, after a 'thread' line" if name else ""


# --- printing -----------------------------------------------------------------------------------------


def format_program(program: Program) -> str:
    """The text of a program, as `parse` reads it back; header keys without a value are left out."""
    lines = [f"mmfuzz {VERSION}"]
    lines += [f"{key}: {value}" for key in _HEADER if (value := getattr(program, key)) != ""]
    if program.ops or not program.threads:
        lines += ["", *map(format_op, program.ops)]
    for thread in program.threads:
        lines += ["", f"{THREAD} {thread.name}", *map(format_op, thread.ops)]
    return "\n".join(lines) + "\n"


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
        sections = self.sections(body, pages)
        (ops, numbers), *rest = sections.values()
        threads = tuple(Thread(name, tuple(ops)) for name, (ops, _) in list(sections.items())[1:])
        source = Source(self.path, places, tuple(numbers), tuple(tuple(lines) for _, lines in rest))
        try:
            return Program(tuple(ops), threads, source=source, **values)
        except UsageError as error:
            # Each value is right by itself: what is left is a header that does not fit the threads.
            problem = str(error).removeprefix("program: ")
            self.fail(*places.get(problem.partition(":")[0], (1, 1)), problem)

    def sections(self, body: int, pages: int) -> dict[str, tuple[list[Operation], list[int]]]:
        """The operations of each section with their lines: of the set-up, which has no name, and of each thread."""
        operations: list[Operation] = []
        numbers: list[int] = []
        found = {"": (operations, numbers)}
        count = 0
        for number, whole in enumerate(self.lines[body:], body + 1):
            line = whole.partition("#")[0]
            word, *_ = line.split() or [""]
            if not word:
                continue
            if word == THREAD:
                operations, numbers = found[self.thread(number, line, found)] = [], [number]
                continue
            if count == OPERATIONS_MAX:
                self.fail(number, 1, f"more than {OPERATIONS_MAX} operations")
            op = self.operation(number, line, pages)
            if len(found) == 1 and (problem := _alone([op])):
                self.fail(number, line.index(word) + 1, problem)
            operations.append(op)
            numbers.append(number)
            count += 1
        return found

    def thread(self, number: int, line: str, found: Mapping[str, tuple[object, list[int]]]) -> str:
        """The name on a line that begins a thread."""
        _, *words = re.finditer(r"\S+", line)
        if not words:
            self.fail(number, len(line.rstrip()) + 1, f"{THREAD}: a name is missing")
        if len(words) > 1:
            extra = words[1]
            self.fail(
                number, extra.start() + 1, f"{THREAD}: {extra[0][:40]!r} is too much: a name is expected"
            )
        try:
            name = _read_name(words[0][0])
        except ValueError as error:
            self.fail(number, words[0].start() + 1, f"{THREAD}: {error}")
        if name in found:
            first = found[name][1][0]
            self.fail(number, words[0].start() + 1, f"{THREAD}: {name!r} is there already, on line {first}")
        if len(found) > THREADS_MAX:
            self.fail(number, 1, f"more than {THREADS_MAX} threads")
        return name

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
                    f"unknown key {key[:40]!r}{did_you_mean(key, _HEADER)}: one of {', '.join(_HEADER)}",
                )
            if key in found:
                self.fail(number, 1, f"key {key!r} stands twice, first on line {found[key][1]}")
            try:
                found[key] = (_HEADER[key](text.strip()), number, column)
            except ValueError as error:
                inside = error.column if isinstance(error, _Inside) else 0
                self.fail(number, column + inside, f"{key}: {error}")
        return len(self.lines), found

    def operation(self, number: int, line: str, pages: int) -> Operation:
        """One operation line, its comment taken off; `pages` is the size of an area."""
        name, *words = re.finditer(r"\S+", line)
        kind = KINDS.get(name[0])
        if kind is None:
            close = did_you_mean(name[0], KINDS)
            self.fail(
                number,
                name.start() + 1,
                f"unknown operation {name[0][:40]!r}{close}: one of {', '.join(KINDS)}",
            )
        shape = SHAPES[kind]
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
