"""Pages that live on a device: the way there, the way home, and that its driver hears of the end of each."""

from __future__ import annotations

from collections import Counter

from mmfuzz import ops
from mmfuzz.model.names import address, folio_name, owners
from mmfuzz.model.owners import Area, DevicePage, Folio, Page
from mmfuzz.model.rules.failures import done_anyway, refused
from mmfuzz.model.rules.files import Files
from mmfuzz.observation import Report
from mmfuzz.violation import Term, Violation

_THERE = frozenset({"pd", "pz"})
"""A huge page is split first, which drops zero-filled pages."""
_HOME = frozenset({"dp"})


class Devices(Files):
    """What may leave memory for a device, and must be there again when it is asked for."""

    def _to_device(self, op: ops.ToDevice, report: Report) -> None:
        area = self.world.processes[op.process].areas[op.area]
        asked: dict[Page, tuple[bool, bool]] = {}
        for number in self.world.span(op.page, op.count):
            owned = area.at(number)
            if type(owned) is Page:
                asked[owned] = (owned.folio.is_held, self._can_leave(area, owned.folio))
        moves = self._elsewhere(op, report, _THERE, splits=True, relocates=True)
        gone = {old: None for _, old, new in moves if type(new) is DevicePage and type(old) is Page}
        for page in gone:
            if page not in asked:
                what = "a page outside the range went to the device"
                raise Violation("outcome", what, folio=folio_name(page.folio))
            if page.folio.of_file:
                raise Violation(
                    "outcome", "a page of a file went to the device", folio=folio_name(page.folio)
                )
            if asked[page][0]:
                raise done_anyway("moving to the device", page.folio)
        if self._must_do(op) and report.error != "ENOMEM":
            for page, (_, must) in asked.items():
                if must and page not in gone and page.maps:
                    raise refused("to_device", report.error or "no error", page.folio)

    def _can_leave(self, area: Area, folio: Folio) -> bool:
        """Whether nothing keeps a folio from leaving: a base page, or a huge one that the area maps whole."""
        if folio.of_file or folio.is_held or (folio.order and area.pmd is not folio):
            return False
        return folio.slot is None or (self.promises.device_takes_cached and not self._is_needed(folio))

    def _from_device(self, op: ops.FromDevice, report: Report) -> None:
        area = self.world.processes[op.process].areas[op.area]
        span = self.world.span(op.page, op.count)
        asked = {owned for owned in map(area.at, span) if type(owned) is DevicePage}
        for where, old, _ in self._elsewhere(op, report, _HOME, splits=False, relocates=True):
            if old not in asked:
                raise Violation("outcome", f"{address(where)} came home, and was not asked for")
        if self._must_do(op) and report.error != "ENOMEM":
            for page in asked:
                if page.maps:
                    raise refused("from_device", report.error or "no error", page.folio)

    def _hear(self, report: Report) -> None:
        """The free event of each page that lost its last owner in this step, once, and of no other page."""
        frames = self.world.device_frames
        told = Counter(report.given_back)
        for folio in self.freed:
            if frames.get(folio.head) is folio.pages[0]:
                del frames[folio.head]
                if told[folio.head] != 1:
                    raise _event(folio, told[folio.head])
                del told[folio.head]
        for frame in told:
            page = frames.get(frame)
            if page is not None:
                raise _event(page.folio, told[frame])
            what = f"frame {frame} was given back to its device, which nobody had from it"
            raise Violation("free-event", what)

    def _wake(self, report: Report) -> None:
        """Who waits for a page of a file to be idle hears of that, and not before."""
        world = self.world
        told = Counter(report.woken)
        for folio in (*world.affected, *self.freed):
            if not folio.dax:
                continue
            in_use = folio.is_held or (self.promises.dax_maps_counted and bool(folio.pages[0].maps))
            if folio.dax == "fs" and (
                told[folio.head] if in_use else folio in world.busy and not told[folio.head]
            ):
                raise _event(folio, told[folio.head], idle=not in_use)
            del told[folio.head]
            if in_use:
                world.busy[folio] = None
            else:
                world.busy.pop(folio, None)
        for folio in self.freed:
            if folio.dax:
                del world.dax_frames[folio.head]
        for frame in told:
            page = world.dax_frames.get(frame)
            if page is None or page.folio in world.busy:
                raise Violation(
                    "free-event", f"frame {frame} was said to be idle, and it is in use or nobody's"
                )


def _event(folio: Folio, times: int, *, idle: bool | None = None) -> Violation:
    names = owners(folio)
    idle = not names if idle is None else idle
    left = "nothing refers to the page any more" if idle else f"{len(names)} owners refer to the page"
    return Violation(
        "free-event",
        f"{left}, and who has to know was told {times or 'no'} times that it is free",
        folio=folio_name(folio),
        terms=[Term("free events", int(idle), times, names)],
    )
