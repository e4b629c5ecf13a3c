"""The skeleton of an execution as a litmus test of the kernel's kind, which herd7 reads.

Of each thread the accesses are left by which it has to do with others, as straight code, and what the execution read is
the condition. Writes have numbers for values, so that the condition says who read from whom. A read decides what a
kernel does next, so each write stands under the condition that the reads before it saw what they saw: a control
dependency. What is read through a pointer depends on the pointer by its address. An atomic change that is left out
leaves its full barrier; interrupts that are off become sections under RCU, and an interrupt to all CPUs a grace
period, which waits for them.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field

from mmfuzz.errors import UsageError
from mmfuzz.export.relations import Relations
from mmfuzz.interleave.trace import Event, Execution

WIDTH = 100
_SUFFIXES = {"full": "", "acquire": "_acquire", "release": "_release"}
_FENCES = frozenset({"smp_mb", "smp_rmb", "smp_wmb"})
_RESERVED = frozenset({"int", "if", "else", "spinlock_t"})


@dataclass(slots=True)
class _Code:
    """A thread of the test as it is written."""

    lines: list[str] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    """Name and type."""
    registers: int = 0
    known: list[str] = field(default_factory=list)
    """Conditions that the next write has to stand under."""
    depth: int = 1
    outcome: list[str] = field(default_factory=list)
    pointers: dict[str, str] = field(default_factory=dict)
    """The register that a pointer was read into, by what it points at."""
    fences: list[str] = field(default_factory=list)
    """Barriers since the last line: they are written before the next one."""
    held: list[str] = field(default_factory=list)
    """What leaves the sections and locks that it is in, outermost first."""
    otherwise: list[list[str]] = field(default_factory=list)
    """The same where each condition that is open began: who does not meet it leaves them as well."""
    before: Event | None = None
    """The access before, unless something else came in between."""

    def add(self, line: str) -> None:
        """A line of code, after the barriers before it."""
        barriers = ["smp_mb"] if "smp_mb" in self.fences else list(dict.fromkeys(self.fences))
        for text in (*(f"{name}();" for name in barriers if self.lines), line):
            self.lines.append("\t" * self.depth + text)
        self.fences.clear()

    def write_under_conditions(self) -> None:
        """What follows is done only where the reads before it saw what they saw."""
        if self.known:
            known = self.known[0] if len(self.known) == 1 else " & ".join(f"({one})" for one in self.known)
            self.add(f"if ({known}) {{")
            self.known.clear()
            self.otherwise.append(list(self.held))
            self.depth += 1

    def leave(self, line: str) -> None:
        """The end of a section or lock."""
        if line in self.held:
            self.held.remove(line)
            self.add(line)

    def register(self, thread: int, value: int) -> str:
        """Another local variable, which has to have a value at the end."""
        name = f"r{self.registers}"
        self.registers += 1
        self.known.append(f"{name} == {value}")
        self.outcome.append(f"{thread}:{name}={value}")
        return name

    def finished(self) -> list[str]:
        """Its lines, with what is open closed."""
        for line in reversed(self.held):
            self.add(line)
        lines = list(self.lines)
        for depth in range(self.depth - 1, 0, -1):
            leaving = ["\t" * (depth + 1) + line for line in reversed(self.otherwise[depth - 1])]
            indent = "\t" * depth
            lines += [f"{indent}}} else {{", *leaving, f"{indent}}}"] if leaving else [f"{indent}}}"]
        return lines


def to_litmus(execution: Execution, name: str, notes: Iterable[str] = ()) -> str:
    """The text of the test; `notes` are sentences for its comment. The execution has to have its events."""
    return _Export(execution).text(name, notes)


class _Export:
    """One execution on its way to a test."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        self.events = execution.events
        self.names: set[str] = set()
        locks = {event.cell for event in self.events if event.kind in ("lock", "trylock")}
        self.relations = Relations(
            [event if event.cell not in locks else _without_write(event) for event in self.events]
        )
        self.cells = {
            cell: self._identifier(cell)
            for cell in dict.fromkeys(event.cell for event in self.events if event in self.relations)
        }
        if not self.cells:
            raise UsageError(
                "no thread reads or overwrites what another one wrote: there is nothing to export"
            )
        self.locks = self._shared_locks(locks)
        self.sections = any(_begins_section(event) for event in self.events)
        """Somebody might be waited for."""
        self.waits = any(_waits_for_sections(event) for event in self.events)

    # Locks

    def _shared_locks(self, locks: set[str]) -> dict[str, str]:
        """Locks that several threads take, with names; not those that two had at a time, as readers do."""
        holders: dict[str, set[int]] = {cell: set() for cell in locks}
        threads: dict[str, set[int]] = {cell: set() for cell in locks}
        readers: set[str] = set()
        for number, event in enumerate(self.events):
            if event.cell not in locks:
                continue
            held = holders[event.cell]
            if not _takes(event):
                held.discard(event.thread)
                continue
            threads[event.cell].add(event.thread)
            held.add(event.thread)
            if len(held) > 1:
                readers.add(event.cell)
            if not self._is_left(number):
                held.discard(event.thread)
        return {
            cell: self._identifier(cell)
            for cell in sorted(locks)
            if len(threads[cell]) > 1 and cell not in readers
        }

    def _is_left(self, number: int) -> bool:
        """Whether a lock that was taken is left again; one that is held for a single step has no event for that."""
        taken = self.events[number]
        for event in self.events[number + 1 :]:
            if event.thread == taken.thread and event.cell == taken.cell:
                return not _takes(event)
        return False

    def _identifier(self, cell: str) -> str:
        base = re.sub(r"[\W_]+", "_", cell).strip("_").lower()
        if not re.match(r"[a-z]", base) or re.fullmatch(r"[rp]\d+", base):
            base = f"x_{base}"
        name, number = base, 2
        while name in self.names | _RESERVED:
            name, number = f"{base}_{number}", number + 1
        self.names.add(name)
        return name

    # Threads

    def _thread(self, thread: int) -> _Code:
        code = _Code()
        for number, event in enumerate(self.events):
            if event.thread != thread:
                continue
            if event in self.relations:
                if not _repeats(event, code.before):
                    self._access(code, event)
                code.before = event
                continue
            lines = len(code.lines), len(code.fences)
            if event.cell in self.locks:
                self._lock(code, number, event)
            else:
                self._order(code, event)
            if lines != (len(code.lines), len(code.fences)):
                code.before = None
        return code

    def _order(self, code: _Code, event: Event) -> None:
        """What is no access of its own and may order others."""
        if event.kind == "fence" and event.cell in _FENCES:
            code.fences.append(event.cell)
        elif (event.kind == "rmw" and event.order == "full") or (
            _waits_for_sections(event) and not self.sections
        ):
            code.fences.append("smp_mb")
        elif _waits_for_sections(event):
            code.add("synchronize_rcu();")
        elif _begins_section(event) and self.waits:
            code.add("rcu_read_lock();")
            code.held.append("rcu_read_unlock();")
        elif _ends_section(event) and self.waits:
            code.leave("rcu_read_unlock();")

    def _access(self, code: _Code, event: Event) -> None:
        name = self.cells[event.cell]
        code.parameters[name] = "int *"
        read = self.relations.value(event.cell, event.source) if event.source is not None else 0
        if event.kind == "load" or not event.wrote:
            place = self._place(code, event)
            register = code.register(event.thread, read)
            code.add(f"{register} = {_load(event.order, place)};")
            pointed = re.match(r"frame \d+", event.read)
            if pointed:
                code.pointers[pointed[0]] = register
            return
        code.write_under_conditions()
        value = self.relations.value(event.cell, event.number)
        if event.kind == "store":
            code.add(_store(event.order, name, value))
            return
        register = code.register(event.thread, read)
        suffix = _SUFFIXES.get(event.order, "_relaxed")
        code.add(f"{register} = xchg{suffix}({name}, {value});")

    def _place(self, code: _Code, event: Event) -> str:
        """Where it reads: through a pointer, if one to the thing whose field it is was read before."""
        name = self.cells[event.cell]
        thing = re.match(r"frame \d+(?= )", event.cell)
        register = code.pointers.get(thing[0]) if thing else None
        return name if register is None else f"({name} + ({register} & 0))"

    def _lock(self, code: _Code, number: int, event: Event) -> None:
        name = self.locks[event.cell]
        code.parameters[name] = "spinlock_t *"
        leave = f"spin_unlock({name});"
        if event.kind in ("unlock", "store"):
            code.leave(leave)
            return
        code.write_under_conditions()
        if event.kind == "trylock":
            taken = _takes(event)
            code.add(f"{code.register(event.thread, int(taken))} = spin_trylock({name});")
            # Who does not see the same has the lock if this one has it not.
            code.held += [] if taken else [leave]
            code.write_under_conditions()
            code.held += [leave] if taken else []
            if not taken:
                code.held.remove(leave)
            return
        code.add(f"spin_lock({name});")
        code.held.append(leave)
        if not self._is_left(number):
            code.leave(leave)

    # The test

    def text(self, name: str, notes: Iterable[str]) -> str:
        """The whole of it."""
        codes = [self._thread(number) for number in range(len(self.execution.threads))]
        lines = [f"C {re.sub(r'[^A-Za-z0-9.+_-]+', '-', name)}", "", "(*", *self._comment(notes), " *)", ""]
        lines += ["{", *(f"\tint {name} = 0;" for name in self.cells.values()), "}", ""]
        for number, code in enumerate(codes):
            parameters = ", ".join(f"{kind}{used}" for used, kind in sorted(code.parameters.items()))
            lines += [f"P{number}({parameters}) // {self.execution.threads[number]}", "{"]
            lines += [f"\tint r{register};" for register in range(code.registers)]
            lines += [*([""] if code.registers else []), *code.finished(), "}", ""]
        outcome = [atom for code in codes for atom in code.outcome] + list(self._last_values())
        wrapped = textwrap.wrap(" /\\ ".join(outcome), WIDTH - 12, break_long_words=False)
        return "\n".join([*lines, "exists (" + "\n\t".join(wrapped) + ")", ""])

    def _last_values(self) -> Iterable[str]:
        """Of what several threads write: whose write came last."""
        for cell, name in self.cells.items():
            order = self.relations.order[cell]
            if len({self.events[number].thread for number in order}) > 1:
                yield f"{name}={len(order)}"

    def _comment(self, notes: Iterable[str]) -> list[str]:
        found = [
            line for note in notes for line in textwrap.wrap(note, WIDTH - 3, break_on_hyphens=False) or [""]
        ]
        for cell, name in self.cells.items():
            words = [
                f"{number} is {self._what(event)}"
                for number, event in enumerate(self.relations.order[cell], 1)
            ]
            text = f"{name}: {cell}; {', '.join(words)}"
            found += textwrap.wrap(text, WIDTH - 3, subsequent_indent="    ", break_on_hyphens=False)
        found += [f"{name}: {cell}" for cell, name in self.locks.items()]
        return [f" * {line}".rstrip() for line in found]

    def _what(self, number: int) -> str:
        event = self.events[number]
        by = f" of {event.routine}()" if event.routine else ""
        return f"the {event.wrote!r}{by}"


def _repeats(event: Event, before: Event | None) -> bool:
    """A read that is the one before once more."""
    return (
        before is not None
        and (event.kind, before.kind) == ("load", "load")
        and (event.cell, event.source) == (before.cell, before.source)
    )


def _takes(event: Event) -> bool:
    """A lock was taken."""
    return event.kind == "lock" or (event.kind == "trylock" and event.order == "acquire")


def _without_write(event: Event) -> Event:
    """A step on a lock, which under `tso` may look like a write, as one that is no access."""
    return Event(event.number, event.thread, "note", event.cell)


def _begins_section(event: Event) -> bool:
    """Interrupts go off, or RCU is read."""
    return event.kind in ("irq", "rcu") and event.order in ("off", "lock")


def _ends_section(event: Event) -> bool:
    return event.kind in ("irq", "rcu") and event.order in ("on", "unlock")


def _waits_for_sections(event: Event) -> bool:
    """An interrupt to all, or a grace period: of its two steps the first one."""
    return event.kind == "ipi" or event.order == "grace period begins"


def _load(order: str, place: str) -> str:
    if order == "acquire":
        return f"smp_load_acquire({place})"
    return f"*{place}" if order == "plain" else f"READ_ONCE(*{place})"


def _store(order: str, name: str, value: int) -> str:
    if order == "release":
        return f"smp_store_release({name}, {value});"
    return f"*{name} = {value};" if order == "plain" else f"WRITE_ONCE(*{name}, {value});"
