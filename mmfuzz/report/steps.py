"""A program step by step: what each operation changed, and each touched folio's terms with their owners."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmfuzz.folding import alike, folded
from mmfuzz.model.names import folio_name, owners
from mmfuzz.model.owners import Folio
from mmfuzz.observation import Counters, Entry, Mapped, OnDevice, Report, Swapped
from mmfuzz.ops import FILES, Operation
from mmfuzz.program import format_op
from mmfuzz.session import Session
from mmfuzz.targets.base import Target
from mmfuzz.violation import Violation


@dataclass(frozen=True, slots=True)
class FolioView:
    """One folio after a step: what the target counts, and who the model says refers to it."""

    name: str
    counts: dict[str, Any]
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepView:
    """One step as it is shown; `number` is the line of the program, None for the release at the end."""

    number: int | None
    text: str
    skipped: str | None = None
    error: str = ""
    changes: tuple[str, ...] = ()
    folios: tuple[FolioView, ...] = ()
    freed: tuple[str, ...] = ()
    violation: Violation | None = field(default=None, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """The step as JSON has it."""
        return {
            "number": self.number,
            "operation": self.text,
            "skipped": self.skipped,
            "error": self.error,
            "changes": list(self.changes),
            "folios": [
                {"folio": folio.name, "counters": folio.counts, "owners": list(folio.owners)}
                for folio in self.folios
            ],
            "freed": list(self.freed),
            "violation": self.violation.report() if self.violation else None,
        }


def walk(ops: Sequence[Operation], target: Target) -> Iterator[StepView]:
    """Run a program and view each step; ends after the step that fails."""
    session = Session(target)
    for number, op in enumerate(ops, 1):
        text = format_op(op)
        try:
            step = session.step(op)
        except Violation as violation:
            yield StepView(number, text, violation=violation)
            return
        if step.report is None:
            yield StepView(number, text, skipped=step.skipped)
        else:
            yield _view(number, text, step.report, session)
    try:
        session.finish()
    except Violation as violation:
        yield StepView(None, "release of everything at the end", violation=violation)


def step_text(step: StepView) -> str:
    """The lines of one step."""
    head = f"{step.number:>3}  {step.text}" if step.number is not None else f"     {step.text}"
    if step.skipped is not None:
        return f"{head}  (skipped: {step.skipped})"
    lines = [head + (f"  = {step.error}" if step.error else "")]
    lines += [f"       {change}" for change in step.changes]
    for folio in step.folios:
        counts = ", ".join(f"{name} {value}" for name, value in folio.counts.items())
        lines.append(f"     {folio.name}: {counts}")
        lines += [f"       - {owner}" for owner in folio.owners]
    lines += [f"     {name}: free" for name in step.freed]
    if step.violation is not None:
        lines += ["", step.violation.report()]
    return "\n".join(lines)


def _view(number: int, text: str, report: Report, session: Session) -> StepView:
    world = session.world
    touched: dict[Folio, None] = dict.fromkeys(sorted(world.affected, key=lambda folio: folio.head))
    for frame in report.touched:
        if frame in world.frames:
            touched[world.frames[frame].folio] = None
    return StepView(
        number,
        text,
        error=report.error,
        changes=tuple(folded(_changes(report))),
        folios=tuple(_folio(folio, session.target) for folio in touched),
        freed=tuple(folio_name(folio) for folio in session.oracle.freed),
    )


def _folio(folio: Folio, target: Target) -> FolioView:
    seen = target.counters(folio.head)
    return FolioView(folio_name(folio), _counts(seen) if seen else {}, tuple(folded(alike(owners(folio)))))


def _counts(seen: Counters) -> dict[str, Any]:
    """The counters that the target can show, the terms of the identity first."""
    counts: dict[str, Any] = {"refcount": seen.refcount, "mapcount": sum(seen.mapcounts) + seen.entire}
    if seen.order:
        counts |= {"mapped whole": seen.entire, "pincount": seen.pincount}
    counts["swap cache"] = "yes" if seen.swapcache else "no"
    if seen.tail_counts is not None and seen.tail_mapcounts is not None:
        noted = zip(seen.tail_counts, seen.tail_mapcounts, strict=True)
        counts["on tails"] = sum(count + mapcount for count, mapcount in noted)
    if seen.exclusive is not None:
        counts["exclusive"] = sum(seen.exclusive)
    counts |= _of_some_eras(seen)
    return {name: value for name, value in counts.items() if value is not None}


def _of_some_eras(seen: Counters) -> dict[str, Any]:
    """What only kernels of some eras have, or a pin scheme of its own, and only where it says something."""
    counts: dict[str, Any] = {}
    if seen.double_map:
        counts["double map"] = "yes"
    if seen.pinned is not None:
        counts["pinned"] = "yes" if seen.pinned else "no"
    if seen.private:
        counts["private"] = "yes"
    return counts


def _changes(report: Report) -> Iterator[str]:
    for process, area, entry in report.pmds:
        yield f"PMD p{process} a{area}: {_entry(entry)}"
    for process, area, page, entry in report.ptes:
        yield f"PTE p{process} a{area}.{page}: {_entry(entry)}"
    for slot, frame in report.cached:
        yield f"swap cache of slot {slot}: {'empty' if frame is None else f'frame {frame}'}"
    for file, index, entry in report.filed:
        yield f"page cache of {FILES[file].name}.{index}: {_entry(entry)}"


def _entry(entry: Entry) -> str:
    if entry is None:
        return "nothing"
    if isinstance(entry, Mapped):
        rights = {True: ", writable", False: ", read-only", None: ""}[entry.writable]
        return f"frame {entry.frame}{rights}"
    if isinstance(entry, OnDevice):
        return f"frame {entry.frame} of the device"
    return f"swap slot {entry.slot}" if isinstance(entry, Swapped) else entry.name
