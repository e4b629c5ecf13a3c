"""A property that did not hold: its name, the folio, each term expected and seen, and the owners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmfuzz.folding import alike, folded

PROPERTIES: dict[str, str] = {
    "identity": "refcount is maps + pins + gets + caches + private data + LRU batches, as many as there are owners",
    "mapcount": "every mapcount field equals the page-table entries that map the folio",
    "pincount": "the pin count of a large folio equals the pins that are open",
    "zero-page": "the shared zero page has the references that handles took of it, and no others",
    "swap-cache": "swap cache, swap entries and their counts name the same folio and the same users",
    "rmap": "a walk of a folio's reverse map finds every entry that maps it, and no other",
    "exclusive": "an anon-exclusive page has one mapper, a writable map only if exclusive, and keeps it",
    "isolation": "no process, and no handle of another process, sees what a process wrote after fork",
    "pin-coherence": "a pin and the process that took it refer to the same page",
    "contents": "every page holds the value last written to it, wherever it has moved",
    "refusal": "split, collapse and migrate are refused exactly while something else refers to the folio",
    "outcome": "an operation changes what it may change, and leaves what it promises",
    "free-event": "a device is told once that a page of it is free, when nothing refers to that, and not before",
    "leak": "a folio that nothing refers to is free",
    "use-after-free": "a folio that something refers to is not free",
    "frames": "every frame is in a folio in use or in the buddy allocator, exactly once",
    "page-table": "every page table is under one PMD or kept for a huge page, and freed with it",
    "page-cache": "the page cache holds what its file has, and nothing that was cut off",
    "fault-context": "the context of a fault obeys its rules whenever it changes hands",
    "assertion": "the kernel's own assertions hold",
}
"""Every property by name, with the sentence that must be true."""

RACE_PROPERTIES: dict[str, str] = {
    "maps-within-refs": "at no step has a folio more maps than references",
    "pin-shown": "at no step does a pin that is being taken or dropped look like plain references",
    "data-race": "of two accesses, one of them plain and one a write, one comes first, or it is known why that is well",
    "deadlock": "threads that wait are woken, and locks that were taken are left",
}
"""What must hold as well while threads run."""


class Term(NamedTuple):
    """One compared quantity of a failed check."""

    name: str
    expected: object
    seen: object
    owners: Sequence[str] = ()
    """Who makes up the expected value, one name each."""


class Violation(Exception):
    """A property failed.

    `property` is a key of `PROPERTIES` or `RACE_PROPERTIES`; `message` is one line; `folio` names the folio or is
    empty; `terms` are the quantities compared, the ones that differ among them.
    """

    def __init__(self, property: str, message: str, *, folio: str = "", terms: Sequence[Term] = ()) -> None:
        super().__init__(f"{property}: {message}")
        self.property = property
        self.message = message
        self.folio = folio
        self.terms = tuple(terms)

    def report(self) -> str:
        """The whole failure as text: the property, the folio, each term, and each owner."""
        lines = [f"{self.property}: {self.message}"]
        if self.folio:
            lines.append(f"  {self.folio}")
        if self.terms:
            width = max(len(term.name) for term in self.terms)
            for term in self.terms:
                mark = " " if term.expected == term.seen else "!"
                lines.append(f"  {mark} {term.name:<{width}}  expected {term.expected}  seen {term.seen}")
                lines.extend(f"      {owner}" for owner in folded(alike(term.owners)))
        lines.append(f"  ({PROPERTIES.get(self.property) or RACE_PROPERTIES[self.property]})")
        return "\n".join(lines)
