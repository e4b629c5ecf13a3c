"""Reads the threads of a litmus test: the C that the kernel's litmus tests are written in."""

from __future__ import annotations

from difflib import get_close_matches

from mmfuzz.litmus.primitives import PLAIN_LOAD, PLAIN_STORE, PRIMITIVES, Primitive
from mmfuzz.litmus.reader import Reader, Word
from mmfuzz.litmus.syntax import (
    Address,
    Assign,
    Binary,
    Call,
    Constant,
    Do,
    Expression,
    If,
    LitmusThread,
    Register,
    Statement,
    Unary,
    Value,
)

DEPTH_MAX = 40
"""How deep brackets and blocks may nest."""

TERMS_MAX = 20
"""Terms in a row, as of a sum."""

_TYPES = """
void char short int long signed unsigned bool _Bool volatile const struct atomic_t spinlock_t
intptr_t uintptr_t size_t u8 u16 u32 u64 s8 s16 s32 s64
"""
TYPE_WORDS = frozenset(_TYPES.split())
_BINARY = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", ">", "<=", ">="),
    ("+", "-"),
    ("*",),
)
_STATEMENTS = "an assignment, a kernel primitive, 'if' or a declaration"


def skip_type(reader: Reader) -> bool:
    """Go over a type and the stars behind it; whether there was one."""
    found = False
    while (word := reader.peek()).kind == "name" and word.text in TYPE_WORDS:
        reader.take()
        found = True
    while found and reader.take_if("*"):
        pass
    return found


class ThreadReader:
    """Reads one thread, from its parameters to the end of its body."""

    def __init__(self, reader: Reader, number: int, locations: dict[str, Value]) -> None:
        self.reader = reader
        self.number = number
        self.locations = locations
        self.parameters: set[str] = set()
        self.registers: dict[str, Value] = {}
        self.read_at: dict[str, int] = {}
        """Where each name that is no parameter is read first."""
        self.depth = 0

    def read(self) -> LitmusThread:
        """What stands between `P0` and the end of its body."""
        reader = self.reader
        reader.code = True
        reader.expect("(", "the parameters of a thread")
        while reader.peek().text != ")":
            self._parameter()
            if not reader.take_if(","):
                break
        reader.expect(")", "the end of the parameters")
        body = self._block()
        reader.code = False
        return LitmusThread(self.number, body, self.registers)

    def _parameter(self) -> None:
        skip_type(self.reader)
        word = self.reader.name("a parameter is a type and the name of a location, as in 'int *x'")
        if word.text in self.parameters:
            self.reader.fail(word.place, f"{word} is a parameter of P{self.number} twice")
        self.parameters.add(word.text)
        self.locations.setdefault(word.text, 0)

    # Statements

    def _deeper(self, word: Word) -> None:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            self.reader.fail(word.place, f"{word} is nested deeper than {DEPTH_MAX}")

    def _block(self) -> tuple[Statement, ...]:
        self._deeper(self.reader.expect("{", "a body stands in braces"))
        found: list[Statement] = []
        while not self.reader.take_if("}"):
            found += self._statement()
        self.depth -= 1
        return tuple(found)

    def _statement(self) -> list[Statement]:
        reader = self.reader
        word = reader.peek()
        if word.text == "{":
            return list(self._block())
        if reader.take_if(";"):
            return []
        if reader.take_if("if"):
            return [self._if(word)]
        if skip_type(reader):
            return self._declaration()
        if reader.take_if("*"):
            target = self._unary()
            reader.expect("=", "a plain write is '*x = value;'")
            return [self._do(word, PLAIN_STORE, (target, self._last_expression()))]
        word = reader.name(f"a statement is {_STATEMENTS}")
        if reader.peek().text == "(":
            call = self._call(word)
            self._end_of_statement()
            return [Do(call)]
        if not reader.take_if("="):
            reader.fail(word.place, f"{word} begins no statement that is known here: one is {_STATEMENTS}")
        return [self._assign(word)]

    def _if(self, word: Word) -> If:
        reader = self.reader
        self._deeper(word)
        reader.expect("(", "a condition stands in brackets")
        condition = self._expression()
        reader.expect(")", "the end of the condition")
        then = self._statement()
        otherwise = self._statement() if reader.take_if("else") else []
        self.depth -= 1
        return If(condition, tuple(then), tuple(otherwise))

    def _declaration(self) -> list[Statement]:
        reader = self.reader
        found: list[Statement] = []
        while True:
            word = reader.name("a declaration names a local variable")
            self._register(word)
            if reader.take_if("="):
                found.append(Assign(word.text, self._expression()))
            if not reader.take_if(","):
                break
            while reader.take_if("*"):
                pass
        self._end_of_statement()
        return found

    def _assign(self, word: Word) -> Statement:
        self._register(word)
        return Assign(word.text, self._last_expression())

    def _register(self, word: Word) -> None:
        if word.text in self.parameters:
            self.reader.fail(
                word.place,
                f"{word} is a parameter of P{self.number}, a location: '*{word.text} = ...' writes there",
            )
        self.registers.setdefault(word.text, 0)

    def _do(self, word: Word, primitive: Primitive, arguments: tuple[Expression, ...]) -> Do:
        return Do(Call(primitive, arguments, self.reader.line_and_column(word.place)))

    def _last_expression(self) -> Expression:
        value = self._expression()
        self._end_of_statement()
        return value

    def _end_of_statement(self) -> None:
        self.reader.expect(";", "the end of a statement")

    # Expressions

    def _expression(self, level: int = 0) -> Expression:
        if level == len(_BINARY):
            return self._unary()
        left = self._expression(level + 1)
        terms = 1
        while word := self.reader.take_if(*_BINARY[level]):
            terms += 1
            if terms > TERMS_MAX:
                self.reader.fail(word.place, f"more than {TERMS_MAX} terms in a row: use another register")
            place = self.reader.line_and_column(word.place)
            left = Binary(word.text, left, self._expression(level + 1), place)
        return left

    def _unary(self) -> Expression:
        reader = self.reader
        word = reader.take()
        self._deeper(word)
        try:
            if word.text in ("-", "~", "!"):
                return Unary(word.text, self._unary(), reader.line_and_column(word.place))
            if word.text == "*":
                return Call(PLAIN_LOAD, (self._unary(),), reader.line_and_column(word.place))
            if word.text == "(":
                return self._brackets()
            if word.kind == "number":
                return Constant(reader.number(word))
            if word.kind != "name":
                reader.fail(
                    word.place, f"{word} where a value is due: a number, a register, '*x', a primitive"
                )
            return self._named(word)
        finally:
            self.depth -= 1

    def _brackets(self) -> Expression:
        reader = self.reader
        if skip_type(reader):
            reader.expect(")", "the end of a cast")
            return self._unary()
        inner = self._expression()
        reader.expect(")", "a bracket is open")
        return inner

    def _named(self, word: Word) -> Expression:
        if self.reader.peek().text == "(":
            call = self._call(word)
            if call.primitive.result is None:
                self.reader.fail(word.place, f"{word.text}() returns nothing")
            return call
        if word.text in self.parameters:
            return Constant(Address(word.text))
        self.read_at.setdefault(word.text, word.place)
        return Register(word.text)

    def _call(self, word: Word) -> Call:
        reader = self.reader
        primitive = PRIMITIVES.get(word.text)
        if primitive is None:
            close = get_close_matches(word.text, [*PRIMITIVES, "if"], 3, 0.7)
            hint = f"did you mean {' or '.join(close)}?" if close else "known are those of linux-kernel.def"
            reader.fail(word.place, f"{word.text!r} is no primitive that is known here: {hint}")
        reader.expect("(", "the arguments")
        arguments: list[Expression] = []
        while reader.peek().text != ")":
            arguments.append(self._argument(word, primitive, len(arguments)))
            if not reader.take_if(","):
                break
        reader.expect(")", f"the end of what {word.text}() takes")
        if len(arguments) != len(primitive.takes):
            reader.fail(
                word.place, f"{word.text}() takes {len(primitive.takes)} values, not {len(arguments)}"
            )
        return Call(primitive, tuple(arguments), reader.line_and_column(word.place))

    def _argument(self, word: Word, primitive: Primitive, index: int) -> Expression:
        begin = self.reader.peek()
        if index >= len(primitive.takes):
            self.reader.fail(begin.place, f"{word.text}() takes {len(primitive.takes)} values, not more")
        value = self._expression()
        if primitive.takes[index] != "target":
            return value
        if not isinstance(value, Call) or value.primitive is not PLAIN_LOAD:
            self.reader.fail(begin.place, f"{word.text}() takes what a pointer points at: '*x', not {begin}")
        return value.arguments[0]
