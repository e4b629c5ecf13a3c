"""Words of a litmus test, each with its line and column.

Inside threads `(*` is a bracket before a pointer; elsewhere it begins a comment, as in OCaml. Who reads says where
it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from mmfuzz.errors import ProgramError

TEXT_MAX = 65536
"""Characters of a litmus test at most."""

WORD_MAX = 64
NUMBER_MAX = 2**63 - 1
"""What a location can hold."""

_SPACE = re.compile(r"\s+|//[^\n]*|/\*.*?\*/", re.DOTALL)
_WORD = re.compile(
    r"(?P<name>[A-Za-z_]\w*)|(?P<number>0[xX][0-9a-fA-F]+|\d+)"
    r'|(?P<text>"[^"\n]*")|(?P<sign>/\\|\\/|=>|==|!=|<=|>=|<<|>>|&&|\|\||->|[-+*/%&|^~!<>=(){}\[\];:,.?\\#])'
)


@dataclass(frozen=True, slots=True)
class Word:
    """A name, a number, a sign or a quoted text; `end` is the end of the test."""

    kind: str
    text: str
    place: int
    end: int

    def __str__(self) -> str:
        return "the end of the file" if self.kind == "end" else repr(self.text)


class Reader:
    """Goes over the text word by word."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.at = 0
        self.code = False
        """Inside a thread."""
        if len(text) > TEXT_MAX:
            self.fail(0, f"{len(text)} characters: a litmus test has at most {TEXT_MAX}")

    def fail(self, place: int, problem: str) -> NoReturn:
        """An error about what stands at a place."""
        raise ProgramError(self.path, *self.line_and_column(place), problem)

    def line_and_column(self, place: int) -> tuple[int, int]:
        """Both from 1."""
        line = self.text.count("\n", 0, place) + 1
        return line, place - self.text.rfind("\n", 0, place)

    def peek(self) -> Word:
        """The next word."""
        self._skip()
        if self.at >= len(self.text):
            return Word("end", "", self.at, self.at)
        match = _WORD.match(self.text, self.at)
        if match is None:
            self.fail(self.at, f"{self.text[self.at]!r} has no meaning in a litmus test")
        if match.end() - self.at > WORD_MAX and match.lastgroup != "text":
            self.fail(
                self.at,
                f"{match.group()[:12]!r}... is too long: a name or a number has at most {WORD_MAX} characters",
            )
        return Word(match.lastgroup or "", match.group(), self.at, match.end())

    def take(self) -> Word:
        """The next word, which is then done with."""
        word = self.peek()
        self.at = word.end
        return word

    def take_if(self, *texts: str) -> Word | None:
        """The next word if it is one of these."""
        word = self.peek()
        if word.text not in texts or word.kind in ("end", "text"):
            return None
        self.at = word.end
        return word

    def expect(self, text: str, what: str) -> Word:
        """The next word, which has to be this."""
        word = self.take()
        if word.text != text or word.kind == "end":
            self.fail(word.place, f"{word} where {text!r} is due: {what}")
        return word

    def number(self, word: Word) -> int:
        """The number that a word stands for, decimal or hexadecimal."""
        value = int(word.text, 16) if word.text[:2] in ("0x", "0X") else int(word.text)
        if value > NUMBER_MAX:
            self.fail(word.place, f"{word} does not fit into 64 bits")
        return value

    def name(self, what: str) -> Word:
        """The next word, which has to be a name."""
        word = self.take()
        if word.kind != "name":
            self.fail(word.place, f"{word} where a name is due: {what}")
        return word

    def _skip(self) -> None:
        """Go over space and comments."""
        while True:
            match = _SPACE.match(self.text, self.at)
            if match is not None:
                self.at = match.end()
            elif not self.code and self.text.startswith("(*", self.at):
                self._skip_comment()
            elif self.text.startswith("/*", self.at):
                self.fail(self.at, "a comment that does not end: '*/' is missing")
            else:
                return

    def _skip_comment(self) -> None:
        """One that begins with `(*`; they nest."""
        depth, begin = 0, self.at
        for match in re.compile(r"\(\*|\*\)").finditer(self.text, begin):
            depth += 1 if match.group() == "(*" else -1
            if not depth:
                self.at = match.end()
                return
        self.fail(begin, "a comment that does not end: '*)' is missing")
