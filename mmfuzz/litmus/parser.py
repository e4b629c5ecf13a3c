"""Reads litmus tests: the kernel's C flavour, with its first values, threads, filter and condition.

What is not known is an error with line and column, never a guess: a litmus test that is half understood proves nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

from mmfuzz.errors import UsageError
from mmfuzz.litmus.code import ThreadReader, skip_type
from mmfuzz.litmus.reader import TEXT_MAX, Reader, Word
from mmfuzz.litmus.syntax import (
    ALWAYS,
    NEVER,
    SOMETIMES,
    Address,
    All,
    Any,
    Condition,
    Equals,
    LitmusTest,
    LitmusThread,
    Not,
    Value,
    names_in,
)

THREADS_MAX = 10
"""Threads of a litmus test at most: even six small ones have more executions than anybody waits for."""
DEPTH_MAX = 40
"""How deep a condition may nest."""
SUFFIX = ".litmus"

_CLAIM = re.compile(rf"\b(?:Result|Under (\w+)): *({NEVER}|{SOMETIMES}|{ALWAYS})\b")
_INFORMATION = re.compile(r'"[^"\n]*"|\w+=[^\n]*')


def read_litmus(path: Path) -> LitmusTest:
    """The litmus test of a file."""
    try:
        with path.open("rb") as file:
            text = file.read(TEXT_MAX + 1).decode()
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start + 1} is no UTF-8: a litmus test is text") from None
    return parse_litmus(text, str(path))


def parse_litmus(text: str, path: str = "<string>") -> LitmusTest:
    """The litmus test that a text stands for; anything else is a `ProgramError` that says where."""
    return _Parser(Reader(text, path)).test()


class _Parser:
    """Goes through a test from its name to its condition."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.locations: dict[str, Value] = {}
        self.first: dict[tuple[int, str], tuple[Value, Word]] = {}
        """First values of registers, by thread."""
        self.threads: list[LitmusThread] = []
        self.pointed: list[str] = []
        """Locations whose address is a value: they are there even if nobody has said so."""
        self.depth = 0

    def test(self) -> LitmusTest:
        """The whole of it."""
        name = self._header()
        self._first_values()
        while re.fullmatch(r"P\d+", self.reader.peek().text):
            self._thread()
        if not self.threads:
            self._fail(self.reader.peek(), "where the first thread, 'P0', is due")
        shown = self._shown()
        wanted = self._condition() if self.reader.take_if("filter") else All(())
        quantifier = self._quantifier()
        condition = self._condition()
        end = self.reader.take()
        if end.kind != "end":
            self._fail(end, "after the end of the condition")
        return LitmusTest(
            name,
            self.reader.path,
            self.locations,
            tuple(self.threads),
            quantifier,
            condition,
            self._in_order([*shown, *names_in(condition), *names_in(wanted)]),
            wanted,
            self._claims(),
        )

    def _fail(self, word: Word, problem: str) -> NoReturn:
        self.reader.fail(word.place, f"{word} {problem}")

    # Name and first values

    def _header(self) -> str:
        reader = self.reader
        if (language := reader.take()).text != "C":
            self._fail(language, "where 'C' is due: a litmus test of the kernel begins with 'C NAME'")
        match = re.compile(r"[ \t]+(\S+)").match(reader.text, reader.at)
        if match is None:
            self._fail(reader.peek(), "where the name of the test is due, behind 'C' on the same line")
        reader.at = match.end()
        while (word := reader.peek()).text != "{":
            information = _INFORMATION.match(reader.text, word.place)
            if information is None:
                self._fail(word, "where '{' is due: the first values stand in braces")
            reader.at = information.end()
        return match.group(1)

    def _claims(self) -> dict[str, str]:
        """What the comments say of the outcome: for all models, or for one."""
        found: dict[str, str] = {}
        for memory, verdict in _CLAIM.findall(self.reader.text):
            found.setdefault(memory, verdict)
        return found

    def _first_values(self) -> None:
        reader = self.reader
        reader.expect("{", "the first values stand in braces")
        while not reader.take_if("}"):
            if not reader.take_if(";"):
                self._first_value()
        for name in self.pointed:
            self.locations.setdefault(name, 0)

    def _first_value(self) -> None:
        reader = self.reader
        skip_type(reader)
        word = reader.take()
        key: tuple[int, str] | None = None
        if word.kind == "number":
            reader.expect(":", "a register is 'THREAD:NAME'")
            key = reader.number(word), reader.name("a register is 'THREAD:NAME'").text
        elif word.kind != "name":
            self._fail(word, "where a location or '}' is due: a first value is 'x=1;'")
        bracket = reader.peek()
        if bracket.text == "[":
            self._fail(bracket, "makes an array, which is not known here: name each element")
        value: Value = 0
        if reader.take_if("="):
            value = self._value()
        if key is not None:
            self.first[key] = value, word
        elif word.text in self.locations:
            self._fail(word, "has a first value already")
        else:
            self.locations[word.text] = value
        if reader.peek().text != "}":
            reader.expect(";", "first values are separated")

    def _value(self) -> Value:
        """A number, or the address of a location with or without `&`."""
        reader = self.reader
        word = reader.take()
        self._deeper(word)
        try:
            return self._value_from(word)
        finally:
            self.depth -= 1

    def _value_from(self, word: Word) -> Value:
        reader = self.reader
        if word.text == "ATOMIC_INIT":
            reader.expect("(", "ATOMIC_INIT takes a number")
            value = self._value()
            reader.expect(")", "ATOMIC_INIT takes one number")
            return value
        if word.text == "(" and skip_type(reader):
            reader.expect(")", "the end of a cast")
            return self._value()
        if word.text == "-" and reader.peek().kind == "number":
            return -reader.number(reader.take())
        if word.kind == "number":
            return reader.number(word)
        if word.text == "&":
            word = reader.name("'&' stands before a location")
        if word.kind != "name":
            self._fail(word, "where a value is due: a number, or a location whose address is meant")
        if self.threads and word.text not in self.locations:
            self._fail(word, f"is no location of this test: known are {', '.join(self.locations) or 'none'}")
        self.pointed.append(word.text)
        return Address(word.text)

    # Threads

    def _thread(self) -> None:
        reader = self.reader
        word = reader.take()
        number = int(word.text[1:])
        if number != len(self.threads) or number >= THREADS_MAX:
            self._fail(word, f"where P{len(self.threads)} is due: from P0 on, at most {THREADS_MAX} threads")
        code = ThreadReader(reader, number, self.locations)
        thread = code.read()
        first = {name: value for (of, name), (value, _) in self.first.items() if of == number}
        for name, place in code.read_at.items():
            if name not in thread.registers and name not in first:
                known = ", ".join([*sorted(code.parameters), *thread.registers]) or "nothing"
                reader.fail(place, f"{name!r} has no value in P{number}: known there are {known}")
        self.threads.append(LitmusThread(number, thread.body, {**thread.registers, **first}))

    # Conditions

    def _shown(self) -> list[str]:
        reader = self.reader
        found: list[str] = []
        if not reader.take_if("locations"):
            return found
        reader.expect("[", "locations are 'locations [0:r1; x;]'")
        while not reader.take_if("]"):
            if not reader.take_if(";"):
                found.append(self._name(reader.take()))
        return found

    def _quantifier(self) -> str:
        word = self.reader.take()
        if word.text in ("~", "not"):
            self.reader.expect("exists", "a condition begins with 'exists', '~exists' or 'forall'")
            return "~exists"
        if word.text not in ("exists", "forall"):
            self._fail(word, "where 'exists', '~exists', 'forall', 'filter', 'locations' or a thread is due")
        return word.text

    def _condition(self) -> Condition:
        """`=>` binds least, then `\\/`, then `/\\`, then `~`."""
        left = self._either()
        word = self.reader.take_if("=>")
        if word is None:
            return left
        self._deeper(word)
        right = self._condition()
        self.depth -= 1
        return Any((Not(left), right))

    def _either(self) -> Condition:
        found = [self._both()]
        while self.reader.take_if("\\/"):
            found.append(self._both())
        return found[0] if len(found) == 1 else Any(tuple(found))

    def _both(self) -> Condition:
        found = [self._single()]
        while self.reader.take_if("/\\"):
            found.append(self._single())
        return found[0] if len(found) == 1 else All(tuple(found))

    def _deeper(self, word: Word) -> None:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            self._fail(word, f"is nested deeper than {DEPTH_MAX}")

    def _single(self) -> Condition:
        reader = self.reader
        word = reader.take()
        self._deeper(word)
        found: Condition
        if word.text in ("~", "not"):
            found = Not(self._single())
        elif word.text == "(":
            found = self._condition()
            reader.expect(")", "a bracket of the condition is open")
        elif word.text in ("true", "false"):
            found = All(()) if word.text == "true" else Any(())
        else:
            found = self._equals(word)
        self.depth -= 1
        return found

    def _equals(self, word: Word) -> Condition:
        name = self._name(word)
        if not self.reader.take_if("=", "=="):
            self._fail(self.reader.take(), "where '=' is due: a condition is '0:r1=1' or 'x=2'")
        return Equals(name, self._value())

    def _name(self, word: Word) -> str:
        """`0:r1`, `x` or `[x]`, which has to be there."""
        reader = self.reader
        if word.kind == "number":
            reader.expect(":", "a register is 'THREAD:NAME'")
            name = reader.name("a register is 'THREAD:NAME'").text
            number = reader.number(word)
            known = self.threads[number].registers if number < len(self.threads) else {}
            if name not in known:
                has = f"P{number} has {', '.join(known) or 'none'}" if known else f"there is no P{number}"
                reader.fail(word.place, f"'{number}:{name}' is no register: {has}")
            return f"{number}:{name}"
        bracket = word.text == "["
        if bracket:
            word = reader.take()
        if word.kind != "name":
            self._fail(word, "where a condition is due: '0:r1=1', 'x=2', '~', a bracket or 'true'")
        if bracket:
            reader.expect("]", "a location in brackets is '[x]'")
        if word.text not in self.locations:
            known_here = ", ".join(self.locations) or "none"
            self._fail(word, f"is no location of this test: known are {known_here}")
        return word.text

    def _in_order(self, names: list[str]) -> tuple[str, ...]:
        """Each name once: registers by thread, then locations, as herd7 prints them."""
        registers = sorted(
            {name for name in names if ":" in name}, key=lambda name: (int(name.split(":")[0]), name)
        )
        return (*registers, *sorted({name for name in names if ":" not in name}))
