"""The violations that several rules raise."""

from __future__ import annotations

from mmfuzz import ops
from mmfuzz.model.names import address, describe, folio_name, owners
from mmfuzz.model.owners import Folio, Owned, Page, Where
from mmfuzz.ops import Operation
from mmfuzz.violation import Term, Violation


def same_value(where: Where, owned: Owned, value: int | None, by: str = "") -> None:
    expected = owned.value if type(owned) is Page else 0
    if value is not None and value != expected:
        terms = [Term("value", expected, value, owners(owned.folio) if type(owned) is Page else ())]
        raise Violation("contents", f"{address(where)} reads wrong{by}", terms=terms)


def left_unmapped(op: Operation, where: Where, owned: Owned) -> Violation:
    what = f"{ops.NAMES[type(op)]} succeeded, yet {address(where)} has {describe(owned)}"
    return Violation("outcome", what)


def done_anyway(what: str, folio: Folio) -> Violation:
    return Violation(
        "refusal",
        f"{what} went through although a pin or get refers to the folio",
        folio=folio_name(folio),
        terms=[Term("outcome", "refused", "done", owners(folio))],
    )


def refused(what: str, error: str, *folios: Folio) -> Violation:
    return Violation(
        "refusal",
        f"{what} was refused ({error}) although nothing but mappings and swap cache refers to the folio",
        folio="; ".join(folio_name(folio) for folio in folios),
        terms=[Term("outcome", "done", error, [name for folio in folios for name in owners(folio)])],
    )
