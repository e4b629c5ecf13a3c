"""Which changes a step may make: where, to whose entries, and who must not be able to see what is written.

The rules of each operation are in `mmfuzz.model.rules`; here is what they share.
"""

from __future__ import annotations

from typing import Any

from mmfuzz import ops
from mmfuzz.model.change import KINDS, Change, Move, Turn, is_unread
from mmfuzz.model.names import address, describe, folio_name, owners
from mmfuzz.model.owners import Folio, Owned, Page, Process, Where
from mmfuzz.model.promises import Promises
from mmfuzz.model.world import World
from mmfuzz.observation import Report
from mmfuzz.ops import Operation
from mmfuzz.profiles import Profile
from mmfuzz.violation import Term, Violation

POPULATE = frozenset({"np", "nz", "sp"})
"""Nothing becomes a page or the zero page; a swap entry becomes a page."""
AROUND = POPULATE | {"zp"}
"""What a fault may also do to the pages around: a large folio comes into being, or a huge zero page goes."""
WRITABLE = AROUND | {"pp"}
"""Also: a shared page becomes a copy."""
ZAP = frozenset({"pn", "zn", "sn", "dn"})
REMAP = frozenset({"pz"})
"""A split maps the shared zero page in place of a zero-filled one (b1f202060afe, "mm: remap unused subpages
to shared zeropage when splitting isolated thp", v6.12)."""
NOTHING: frozenset[str] = frozenset()
BRINGS_HOME = (ops.Fault, ops.Pin, ops.Get, ops.Collapse)
"""What accesses a page that is on a device has it brought into memory, for everybody who maps it."""

_LOSES = frozenset({"pp", "ps", "pz"})
"""Changes by which a process loses its page without having unmapped it."""

_NO_MEMORY = frozenset({"ENOMEM"})
_BASE_PAGES_DO = frozenset(
    {ops.Fault, ops.ReadFile, ops.WriteFile, ops.Fork, ops.Pin, ops.Get, ops.SwapIn, ops.FromDevice}
)
"""Operations that fall back to base pages: fragmented memory is no excuse for them."""

ERRORS: dict[type[Operation], frozenset[str]] = {
    ops.Fault: frozenset({"ENOMEM", "SIGBUS"}),
    ops.ReadFile: _NO_MEMORY,
    ops.WriteFile: _NO_MEMORY,
    ops.Fork: _NO_MEMORY,
    ops.Pin: frozenset({"ENOMEM", "EFAULT", "EAGAIN", "EOPNOTSUPP"}),
    ops.Truncate: frozenset({"EBUSY"}),
    ops.Punch: frozenset({"EBUSY"}),
    ops.Get: frozenset({"ENOMEM", "EFAULT", "EAGAIN"}),
    ops.Split: frozenset({"ENOMEM", "EAGAIN", "EBUSY", "EACCES"}),
    ops.Collapse: frozenset({"ENOMEM", "EAGAIN", "EBUSY", "EINVAL"}),
    ops.SwapOut: frozenset({"ENOMEM", "EAGAIN", "EBUSY"}),
    ops.SwapIn: _NO_MEMORY,
    ops.Migrate: frozenset({"ENOMEM", "EAGAIN", "EBUSY", "EACCES", "EADDRNOTAVAIL"}),
    ops.ToDevice: frozenset({"ENOMEM", "EBUSY"}),
    ops.FromDevice: _NO_MEMORY,
    ops.Move: frozenset({"ENOMEM", "EAGAIN", "EBUSY", "EEXIST", "ENOENT", "EFAULT"}),
}
"""Errors that an operation may report; kinds that are absent always succeed."""


_FOUND = frozenset({"np", "sp"})
_CUTS_OFF = frozenset({ops.Truncate, ops.Punch})

FILED: dict[type[Operation], frozenset[str]] = {
    ops.Fault: _FOUND,
    ops.Pin: _FOUND,
    ops.Get: _FOUND,
    ops.ReadFile: _FOUND,
    ops.WriteFile: _FOUND,
    ops.Collapse: _FOUND | {"pp"},
    ops.SwapOut: frozenset({"pn", "ps"}),
    ops.Migrate: frozenset({"pp"}),
    ops.Truncate: frozenset({"pn", "sn", "sp"}),
    ops.Punch: frozenset({"pn", "sn", "sp"}),
}
"""What an operation may do to entries of page caches; pages behind the end of a file may go at any time."""
_FAULTS = (ops.Fault, ops.SwapIn, ops.Pin, ops.Get)
_FAILS_WITH: dict[str, dict[type[Operation], str]] = {
    "alloc": {},
    "copy": dict.fromkeys((*_FAULTS, ops.Fork), "EHWPOISON"),
    "io": dict.fromkeys(_FAULTS, "EFAULT") | {ops.ReadFile: "EIO", ops.WriteFile: "EIO"},
    "trylock": {},
    "partial": {ops.Pin: "EFAULT", ops.Get: "EFAULT"},
}
"""What an operation that meets a failure may report beside its own errors."""

_REFUSES_FOR: dict[type[Operation], tuple[str, ...]] = {
    ops.Split: ("trylock",),
    ops.Collapse: ("trylock", "copy", "io"),
    ops.SwapOut: ("trylock",),
    ops.Migrate: ("trylock", "copy"),
    ops.Move: ("trylock",),
}
"""Failures for which an operation may be refused although nothing refers to the folio."""


class Permits:
    """A world, and the changes that it goes through: each must be one that the operation may make."""

    def __init__(self, huge_order: int, profile: Profile, *, exact: bool, frames: int | None) -> None:
        self.world = World(huge_order)
        self.promises = Promises(profile)
        self._exact = exact
        self._frames = frames
        self.freed: list[Folio] = []
        """Folios that lost their last owner in the newest step."""

    def _error(self, op: Operation, error: str) -> None:
        if self._fails(op, error):
            return
        allowed = ERRORS.get(type(op), NOTHING)
        if error not in allowed:
            names = ", ".join(sorted(allowed)) or "none"
            what = f"{ops.NAMES[type(op)]} failed with {error}; it may fail with: {names}"
            raise Violation("outcome", what)
        if error == "ENOMEM" and self._frames is not None and type(op) in _BASE_PAGES_DO:
            spare = self._frames - self.world.owned_frames()
            # A private copy of a file's page takes that page as well.
            if spare > self.world.pages * (2 if self.world.files else 1):
                raise Violation("outcome", f"out of memory with {spare} of {self._frames} frames free")

    def _fails(self, op: Operation, error: str) -> bool:
        """Whether an operation may end with an error because of a failure, just now or when swap was read before."""
        armed = self.world.armed
        if armed and (_FAILS_WITH[armed].get(type(op)) == error or (armed == "alloc" and error == "ENOMEM")):
            return True
        if type(op) is ops.ReadFile or type(op) is ops.WriteFile:
            return error == "EIO" and any(map(is_unread, self.world.file(op.file).cached))
        return error == "EFAULT" and isinstance(op, _FAULTS) and self._meets_unread(op)

    def _meets_unread(self, op: Any) -> bool:
        """Whether a range has a swap entry whose page is in the swap cache, and could not be read."""
        area = self.world.processes[op.process].areas[op.area]
        return any(is_unread(area.source(page)) for page in self.world.span(op.page, op.count))

    def _must_do(self, op: Operation) -> bool:
        """Whether an operation may only be refused for what the model can see."""
        return self._exact and self.world.armed not in _REFUSES_FOR.get(type(op), ())

    def _change(self, op: Any, report: Report, may: frozenset[str], span: range | None = None) -> None:
        """Apply a report whose changes must be of kinds `may`, in `op`'s area, zaps and copies in `span`."""
        if is_quiet(report):
            return
        promises = self.promises
        change = Change(self.world, splits=promises.splits_folios)
        change.apply(report)
        own = (op.process, op.area)
        self._filed(op, change)
        for where, old, new in change.moves:
            if new is None and is_of_file(old):
                continue
            kind = KINDS[type(old)] + KINDS[type(new)]
            if kind not in may or where[:2] != own:
                if kind == "dp" and isinstance(op, BRINGS_HOME) and (span is None or where[2] in span):
                    continue
                raise not_allowed(op, where, old, new)
            around = kind in AROUND or (kind == "pp" and promises.copies_huge)
            if span is not None and where[2] not in span and not around:
                raise not_allowed(op, where, old, new)
            if kind in _LOSES and (promises.copy_keeps_pins or self._had_to_stay(where, old)):
                self._keep_pin(where, old)
        for turn in change.turns:
            if only_files_go(turn):
                continue
            if turn[:2] != own:
                raise not_allowed(op, *first(turn))
            self._may_turn(op, turn, may)
            if span is not None and any(turn[2]):
                for page, old in enumerate(turn[2]):
                    if old is not None and page not in span:
                        raise not_allowed(op, (*own, page), old, None)

    def _had_to_stay(self, where: Where, old: Owned) -> bool:
        """Whether a page that was copied was nobody else's, in an era that asks for that."""
        return type(old) is Page and self.promises.keeps_sole_user(where[0], old)

    def _may_turn(self, op: Operation, turn: Turn, may: frozenset[str]) -> None:
        """Whether a whole area may be filled or emptied like this."""
        _, _, before, after = turn
        for old, new in set(zip(map(type, before), map(type, after), strict=True)):
            if old is not new and KINDS[old] + KINDS[new] not in may:
                raise not_allowed(op, *first(turn, old, new))

    def _keep_pin(self, where: Where, old: Owned) -> None:
        """A process whose page is pinned keeps that page until it unmaps it."""
        if type(old) is not Page or not old.pins or old.folio.of_file:
            return
        process = self.world.processes[where[0]]
        for handle in old.pins:
            if handle.process is process:
                raise Violation(
                    "pin-coherence",
                    f"{address(where)} no longer refers to the page that {handle} pinned there",
                    folio=folio_name(old.folio),
                    terms=[Term("page at " + address(where), describe(old), "another", owners(old.folio))],
                )

    def _elsewhere(
        self, op: Any, report: Report, may: frozenset[str], *, splits: bool, relocates: bool
    ) -> list[Move]:
        """Apply a report that may change entries of every process: split, reclaim, migration."""
        if is_quiet(report):
            return []
        change = Change(self.world, splits=splits, relocates=relocates)
        change.apply(report)
        if relocates:
            # Also what had to stay was unmapped, and mapped again.
            for folio in self.world.affected:
                folio.fresh = False
        self._filed(op, change)
        moves = [move for move in change.moves if move[2] is not None or not is_of_file(move[1])]
        for where, old, new in moves:
            if KINDS[type(old)] + KINDS[type(new)] not in may:
                raise not_allowed(op, where, old, new)
            if not relocates and KINDS[type(new)] == "s" and self.promises.swap_keeps_pins:
                self._keep_pin(where, old)
        for turn in change.turns:
            if not only_files_go(turn):
                self._may_turn(op, turn, may)
        return moves

    def _filed(self, op: Operation, change: Change) -> None:
        """Each change of a page cache must be one that the operation may make."""
        may = FILED.get(type(op), NOTHING)
        for file, index, old, new in change.filings:
            kind = KINDS[type(old)] + KINDS[type(new)]
            if kind not in may and (kind != "pn" or index < file.size):
                raise not_allowed(op, file.where(index), old, new)
            if type(old) is Page and old.folio.is_held and type(op) not in _CUTS_OFF:
                raise Violation(
                    "refusal",
                    f"{file}.{index} left the page cache although a pin or get refers to it",
                    folio=folio_name(old.folio),
                    terms=[Term("outcome", "refused", describe(new), owners(old.folio))],
                )

    def _own(
        self, process: Process, where: Where, page: Page, property: str, what: str, before: Owned = None
    ) -> None:
        """Nobody but `process`, and the handles that it took, may refer to the page.

        `before` is what the address referred to before: see `Promises.isolates`.
        """
        folio = page.folio
        if has_one_user(page, folio):
            return
        stranger = self._mapper(where, page)
        if not stranger:
            stranger = self._holder(process, page)
            if stranger and not self.promises.isolates(before, page):
                page.exposed = True
                return
        if stranger:
            raise Violation(
                property,
                f"the page at {address(where)} {what}, and {stranger} refers to it as well",
                folio=folio_name(folio),
                terms=[Term("others that see the page", "none", stranger, owners(folio))],
            )

    def _expose(self, process: Process, folio: Folio) -> None:
        """A PMD that may write may write all of a huge page, to which handles of others may refer anywhere."""
        for page in folio.pages:
            if self._holder(process, page):
                page.exposed = True

    def _mapper(self, where: Where, page: Page) -> str:
        for other in page.maps:
            if other != where:
                return address(other)
        for mapper in page.folio.pmds:
            if mapper != where[:2]:
                return f"p{mapper[0]} a{mapper[1]}"
        if page.folio.slot is not None:
            slot = self.world.slots.get(page.folio.slot + page.index)
            for entry in slot.entries if slot is not None else ():
                return f"the swap entry of {address(entry)}"
        return ""

    def _holder(self, process: Process, page: Page) -> str:
        for handle in (*page.pins, *page.gets):
            if handle.process is not process:
                return f"{handle} of {handle.process}"
        return ""


def is_quiet(report: Report) -> bool:
    """Whether a step left the structure as it was, as a fault on a page that is there does."""
    return not (
        report.ptes
        or report.pmds
        or report.folios
        or report.cached
        or report.batched
        or report.filed
        or report.private
    )


def is_of_file(owned: Owned) -> bool:
    """Whether a page is one of a file: who loses its mapping finds it again."""
    return type(owned) is Page and owned.folio.of_file


def only_files_go(turn: Turn) -> bool:
    """Whether a whole area lost nothing but pages of a file."""
    return not any(turn[3]) and all(owned is None or is_of_file(owned) for owned in turn[2])


def has_one_user(page: Page, folio: Folio) -> bool:
    """Whether a page that is mapped belongs to that mapping alone."""
    return len(page.maps) + len(folio.pmds) == 1 and not page.pins and not page.gets and folio.slot is None


def not_allowed(op: Operation, where: Where, old: Owned, new: Owned) -> Violation:
    return Violation(
        "outcome",
        f"{ops.NAMES[type(op)]} must not turn {describe(old)} at {address(where)} into {describe(new)}",
    )


def first(turn: Turn, *kinds: type) -> Move:
    """The first page of a whole area that turned, or that turned in this way."""
    process, area, before, after = turn
    for page, (old, new) in enumerate(zip(before, after, strict=True)):
        if old is not new and (not kinds or (type(old), type(new)) == kinds):
            return (process, area, page), old, new
    return (process, area, 0), None, None
