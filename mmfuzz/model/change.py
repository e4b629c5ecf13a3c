"""Following what a step changed: entries, folios, swap cache and batches, as the target reported them.

Whatever the operation, one rule holds for every address: what it refers to may change, but the value that
its process sees there does not, unless it is unmapped or written. So each new entry is traced to the old
one, and a page that comes into being takes its value from there.
"""

from __future__ import annotations

from mmfuzz.model.names import address, describe, folio_name, owners
from mmfuzz.model.owners import Area, DevicePage, File, Folio, Owned, Page, Process, Slot, Where
from mmfuzz.model.world import World
from mmfuzz.observation import TABLE, ZERO, Entry, Mapped, OnDevice, Report, Swapped
from mmfuzz.violation import Term, Violation

Move = tuple[Where, Owned, Owned]
"""(address, what it referred to, what it refers to now)."""

Filing = tuple[File, int, Owned, Owned]
"""(file, index, what its page cache had there, what it has now)."""

Turn = tuple[int, int, list[Owned], list[Owned]]
"""(process, area, what each page referred to, what each refers to now); all of one side are nothing."""

KINDS: dict[type, str] = {type(None): "n", Page: "p", Slot: "s", type(ZERO): "z", DevicePage: "d"}
"""One letter for what an address refers to: nothing, a page, a swap slot, the zero page, a page on a device."""


def is_unread(owned: Owned) -> bool:
    """Whether something is in swap, and nothing could be read into the page that the swap cache has for it."""
    return type(owned) is Slot and owned.page is not None and owned.page.value is None


class Change:
    """One step's changes to the world, applied in the order that keeps every value traceable.

    `splits` says whether a new folio inside an old one may be a piece of it, or is fresh memory; `relocates`
    whether a page that replaces another stands for it, as in migration, or is a copy that the process made
    its own.
    `child` is a process that is being forked into, `origins` what its parent had in each area.
    """

    __slots__ = (
        "_child",
        "_fresh",
        "_listed",
        "_origins",
        "_recached",
        "_refiled",
        "_relocates",
        "_replaced",
        "_sources",
        "_splits",
        "_turned",
        "_unread",
        "_wholes",
        "_world",
        "filings",
        "moves",
        "turns",
    )

    def __init__(
        self,
        world: World,
        *,
        splits: bool = False,
        relocates: bool = False,
        child: int = -1,
        origins: dict[int, list[Owned]] | None = None,
    ) -> None:
        self._world = world
        self._splits = splits
        self._relocates = relocates
        self._child = child
        self._origins = origins or {}
        self._fresh: set[Folio] = set()
        self._wholes: dict[Folio, None] = {}
        self._listed: dict[Where, Entry] | None = None
        self._turned: set[tuple[int, int]] = set()
        self._recached: dict[int, int | None] = {}
        self._refiled: dict[tuple[int, int], Entry] = {}
        self._replaced: list[Folio] = []
        self._sources: dict[Page, Owned] = {}
        self.filings: list[Filing] = []
        """Each entry of a page cache that changed."""
        self.moves: list[Move] = []
        """Each entry that changed, but for those of `turns`."""
        self.turns: list[Turn] = []
        """Whole areas that were filled or emptied at once."""

    def apply(self, report: Report) -> None:
        """Bring the world to what the report says, or raise the `Violation` that it amounts to."""
        self._unread: tuple[int, ...] = report.unread
        for head, order in report.folios:
            self._found(head, order, report)
        for lent in report.lent:
            self._lend(lent)
        for block in report.blocks:
            self._give_block(block)
        for whole in self._wholes:
            self._drop_rest(whole)
        if report.cached:
            for number, frame in report.cached:
                if frame is not None:
                    self._cache(number, frame)
        for number, index, entry in report.filed:
            self._file(self._world.file(number), index, entry)
        if report.pmds:
            self._pmds(report)
        elif report.ptes:
            self._ptes(report.ptes)
        if report.cached:
            self._uncache(report.cached)
        for head, slots in report.batched:
            self._batch(head, slots)
        for head, private in report.private:
            self._keep_private(head, private)
        if self._wholes or self._replaced:
            self._check_gone()

    def _check_gone(self) -> None:
        """Nothing may refer to a folio that was split, or whose frames another one has."""
        for whole in self._wholes:
            self._world.affected.pop(whole, None)
            if whole.pmds:
                raise Violation("outcome", "a PMD still maps a folio that was split", folio=folio_name(whole))
        for folio in self._replaced:
            if folio.is_owned:
                raise Violation(
                    "use-after-free",
                    f"frame {folio.head} was given to a new folio while its old one is still referred to",
                    folio=folio_name(folio),
                    terms=[Term("owners", owners(folio), "frame reused")],
                )

    def _uncache(self, cached: list[tuple[int, int | None]]) -> None:
        for number, frame in cached:
            slot = self._world.slots.get(number)
            if frame is None and slot is not None:
                self._world.uncache(slot)

    def _stays(self, page: Page, frame: int, report: Report) -> bool:
        """Whether something still refers to a page where it is, so that a folio there is a piece of its old one."""
        if self._listed is None:
            self._listed = {(process, area, number): entry for process, area, number, entry in report.ptes}
            self._turned = {(process, area) for process, area, _ in report.pmds}
            self._recached = dict(report.cached)
            self._refiled = {(number, index): entry for number, index, entry in report.filed}
        folio = page.folio
        if folio.file is not None:
            at = (folio.file.number, folio.first + page.index)
            filed = self._refiled.get(at, page)
            if filed is page or (type(filed) is Mapped and filed.frame == frame):
                return True
        if page.pins or page.gets:
            return True
        if folio.batches and not page.index and dict(report.batched).get(folio.head, True):
            return True
        if folio.slot is not None and self._recached.get(folio.slot + page.index, frame) == frame:
            return True
        for where in (*page.maps, *((process, area, page.index) for process, area in folio.pmds)):
            # An area whose PMD changed lists every entry that it has now.
            entry = self._listed.get(where, None if where[:2] in self._turned else page)
            if entry is page or (type(entry) is Mapped and entry.frame == frame):
                return True
            if type(entry) is Swapped and self._recached.get(entry.slot) == frame:
                return True  # on its way out, and in the swap cache until it is written
        for number, origin in self._origins.items():
            entry = self._listed.get((self._child, number, origin.index(page))) if page in origin else None
            if type(entry) is Mapped:
                return entry.frame == frame
        return False

    def _found(self, head: int, order: int, report: Report) -> None:
        world = self._world
        known = world.frames.get(head)
        if (
            known is not None
            and self._splits
            and known.folio.order > order
            and self._stays(known, head, report)
        ):
            self._wholes[known.folio] = None
            world.cut(known.folio, head, order)
            return
        for frame in range(head, head + (1 << order)):
            old = world.frames.get(frame)
            if old is None:
                continue
            folio = old.folio
            if self._splits and folio.order > order:
                self._wholes[folio] = None
                folio = world.cut(folio, frame, 0)
            if folio not in self._replaced:
                self._replace(folio)
        fresh = world.adopt(head, order)
        fresh.fresh = not self._relocates
        fresh.lost = self._relocates
        self._fresh.add(fresh)

    def _lend(self, frame: int) -> None:
        self._must_be_idle(frame)
        self._fresh.add(self._world.adopt_device(frame))

    def _give_block(self, frame: int) -> None:
        self._must_be_idle(frame)
        self._world.adopt_block(frame)

    def _must_be_idle(self, frame: int) -> None:
        known = self._world.beyond(frame)
        if known is not None:
            what = f"frame {frame} of the device was handed out while {', '.join(owners(known.folio))} refers to it"
            raise Violation("use-after-free", what, folio=folio_name(known.folio))

    def _drop_rest(self, whole: Folio) -> None:
        """Pages of a split folio that are in no piece in use: they stand alone, and are free if unowned."""
        for index, page in enumerate(whole.pages):
            if page.folio is whole:
                self._world.cut(whole, whole.head + index, 0)

    def _replace(self, folio: Folio) -> None:
        """A folio whose frames another one has now: by the end of the step nothing may refer to it."""
        folio.batches = 0
        self._world.batched.pop(folio, None)
        self._world.affected[folio] = None
        self._replaced.append(folio)

    def _cache(self, number: int, frame: int) -> None:
        world = self._world
        slot = world.slots.get(number)
        page = world.frames.get(frame)
        if page is None:
            raise Violation("swap-cache", f"swap slot {number} caches frame {frame}, which is in no folio")
        if slot is None or self._is_reused(slot, page):
            if slot is not None and slot.page is not None:
                slot.page.folio.slot = None
            slot = world.slots[number] = Slot(number, page.value or 0, page.private_to)
        elif page.value is None:
            if frame not in self._unread and not is_unread(slot):
                page.value = slot.contents
            page.private_to = slot.page.private_to if slot.page is not None else slot.private_to
        elif page.value != slot.contents:
            raise Violation(
                "contents",
                f"swap slot {number} caches frame {frame}, which holds something else",
                folio=folio_name(page.folio),
                terms=[Term("value", slot.contents, page.value)],
            )
        if slot.page is not None and slot.page is not page:
            slot.page.folio.slot = None
            self._world.affected[slot.page.folio] = None
        slot.page = page
        self._stand(page, number)

    def _file(self, file: File, index: int, entry: Entry) -> None:
        """One entry of a page cache: what the file holds there stays, wherever it is now."""
        value = file.value(index)
        old = file.cached[index]
        now: Page | Slot | None = None
        if type(entry) is Mapped:
            now = self._file_page(file, index, entry.frame, value)
        elif type(entry) is Swapped:
            now = self._world.slots.get(entry.slot)
            if now is None or now.contents != value:
                seen = now.contents if now is not None else 0
                raise _lost(file.where(index), old, f"swap slot {entry.slot}", value, seen)
            now.entries.add(file.where(index))
        if type(old) is Slot and old is not now:
            old.entries.discard(file.where(index))
            self._world.loose[old] = None
        elif type(old) is Page and old is not now:
            if old.folio.file is file:
                old.folio.file = None
            self._world.affected[old.folio] = None
        file.cached[index] = now
        if now is None:
            file.kept[index] = value
        elif type(now) is Page:
            now.folio.file = file
        self.filings.append((file, index, old, now))

    def _file_page(self, file: File, index: int, frame: int, value: int) -> Page:
        page = self._world.frames.get(frame) or self._world.dax_frames.get(frame)
        if page is None:
            raise Violation("page-cache", f"{file}.{index} is frame {frame}, which is in no folio in use")
        folio = page.folio
        if page.value is None:
            page.value = value
        elif page.value != value:
            raise _lost(file.where(index), file.cached[index], f"frame {frame}", value, page.value)
        if index >= file.size and file.cached[index] is None:
            raise Violation("page-cache", f"page {index} of {file} is cached, beyond its {file.size} pages")
        if folio.file is not None and (folio.file is not file or folio.first != index - page.index):
            raise Violation(
                "page-cache",
                f"frame {frame} is {file}.{index}, and {folio.file}.{folio.first + page.index} as well",
                folio=folio_name(folio),
            )
        folio.first = index - page.index
        folio.of_file = True
        folio.dax = file.dax
        self._world.affected[folio] = None
        return page

    def _keep_private(self, head: int, private: bool) -> None:
        page = self._world.frames.get(head)
        if page is not None:
            page.folio.private = private
            self._world.affected[page.folio] = None

    def _is_reused(self, slot: Slot, page: Page) -> bool:
        """Whether a slot that only the cache held was freed and given to another page in this very step."""
        return not slot.entries and slot.page is not None and slot.page is not page and page.value is not None

    def _stand(self, page: Page, number: int) -> None:
        """Entry i of a cached folio is at offset i, so its first page's slot tells all."""
        folio = page.folio
        first = number - page.index
        if folio.slot is not None and folio.slot != first:
            raise Violation(
                "swap-cache",
                f"page {page.index} is cached at swap slot {number}, its folio at {folio.slot}",
                folio=folio_name(folio),
                terms=[Term("slot", folio.slot + page.index, number)],
            )
        folio.slot = first
        folio.fresh = False
        self._world.affected[folio] = None

    def _batch(self, head: int, slots: int) -> None:
        page = self._world.frames.get(head)
        if page is None or page.index:
            return  # free by now, or a tail of what took its place
        folio = page.folio
        folio.batches = slots
        self._world.affected[folio] = None
        if slots:
            self._world.batched[folio] = None
        else:
            self._world.batched.pop(folio, None)

    def _pmds(self, report: Report) -> None:
        """Areas whose PMD entry changed, then the single entries of the others."""
        world = self._world
        listed: dict[tuple[int, int], dict[int, Entry]] = {(p, a): {} for p, a, _ in report.pmds}
        rest = []
        for entry in report.ptes:
            table = listed.get(entry[:2])
            if table is None:
                rest.append(entry)
            else:
                table[entry[2]] = entry[3]
        before = []
        for process, number, _ in report.pmds:
            area = world.area(process, number)
            if area is None:
                raise Violation("outcome", f"p{process} a{number} has a page table but no mapping")
            before.append(area.view())
            world.unmap_all(process, number, area)
        self._ptes(rest)
        for (process, number, new), old in zip(report.pmds, before, strict=True):
            area = world.processes[process].areas[number]
            self._pmd(process, number, area, new, old, listed[process, number])

    def _pmd(
        self, process: int, number: int, area: Area, new: Entry, old: list[Owned], listed: dict[int, Entry]
    ) -> None:
        """One PMD entry became `new`; `old` is what each page of the area referred to before."""
        if type(new) is Mapped:
            self._map_whole(process, number, area, new, old)
            return
        area.pmd = new if new is TABLE or new is ZERO else None
        if new is None and not listed:
            self.turns.append((process, number, old, area.view()))
            return
        frames = self._world.frames
        for page in range(len(old)) if new is ZERO or any(old) else listed:
            owned = old[page]
            entry = ZERO if new is ZERO else listed.get(page)
            if owned is None and entry is None:
                continue
            where = (process, number, page)
            if type(entry) is Mapped and owned is not None and frames.get(entry.frame) is owned:
                now: Owned = owned
            else:
                now = self._trace(where, owned, entry)
                if area.file is not None:
                    _fits_file(where, area, area.file, now)
            if new is TABLE:
                area.table[page] = now
                self._world.link(where, now, writable=type(entry) is Mapped and entry.writable)
            if now is not owned:
                self.moves.append((where, owned, now))

    def _map_whole(self, process: int, number: int, area: Area, new: Mapped, old: list[Owned]) -> None:
        found = self._world.frames.get(new.frame)
        if found is None or found.folio.head != new.frame or len(found.folio.pages) != len(old):
            what = f"the PMD of p{process} a{number} maps frame {new.frame}, not a huge folio"
            raise Violation("outcome", what)
        folio = found.folio
        if self._fills(process, number, folio, old):
            self.turns.append((process, number, old, [*folio.pages]))
        else:
            origins = self._origins.get(number) if process == self._child else None
            for page, owned in enumerate(old):
                where = (process, number, page)
                source = origins[page] if owned is None and origins is not None else owned
                if source is None and area.file is not None:
                    source = area.file.cached[page]
                now = self._trace_page(where, source, new.frame + page)
                if area.file is not None:
                    _fits_file(where, area, area.file, now)
                if now is not owned:
                    self.moves.append((where, owned, now))
        self._world.map_whole(process, number, area, folio, writable=new.writable)

    def _fills(self, process: int, number: int, folio: Folio, old: list[Owned]) -> bool:
        """Whether a folio came where nothing was, and is the parent's, or fresh and so full of zeroes.

        Otherwise each page has to be traced.
        """
        if any(old) or folio.of_file:
            return False
        if process == self._child:
            return self._origins[number] == folio.pages
        if folio not in self._fresh or self._sources or folio.slot is not None:
            return False
        self._sources = dict.fromkeys(folio.pages)
        owner = self._world.processes[process]
        for page in folio.pages:
            page.value = 0
            page.private_to = owner
        return True

    def _ptes(self, ptes: list[tuple[int, int, int, Entry]]) -> None:
        world = self._world
        found = []
        area, at = None, (-1, -1)
        for process, number, page, entry in ptes:
            if at != (process, number):
                at = (process, number)
                area = world.area(process, number)
            if area is None or area.pmd is not TABLE:
                if entry is None:
                    continue
                raise Violation("outcome", f"p{process} a{number}.{page} has an entry but no page table")
            where = (process, number, page)
            if entry is not None and not area.mapped[page]:
                raise Violation("outcome", f"{address(where)} has an entry outside every mapping")
            old = area.table[page]
            if old is not None:
                world.unlink(where, old)
            found.append((where, area, old, entry))
        child = self._child
        for where, area, old, entry in found:
            if type(entry) is Mapped and where[0] != child and area.file is None:
                now: Owned = self._trace_page(where, old, entry.frame)
            else:
                now = self._trace(where, old, entry)
                if area.file is not None:
                    _fits_file(where, area, area.file, now)
            area.table[where[2]] = now
            if now is not None:
                world.link(where, now, writable=type(entry) is Mapped and entry.writable)
            if now is not old:
                self.moves.append((where, old, now))

    def _trace(self, where: Where, old: Owned, entry: Entry) -> Owned:
        """What an address refers to by its new entry, checked against what it referred to before."""
        if entry is None:
            return None
        if old is None:
            old = self._source(where)
        if type(entry) is Mapped:
            return self._trace_page(where, old, entry.frame)
        if type(entry) is Swapped:
            return self._trace_slot(where, old, entry.slot)
        if type(entry) is OnDevice:
            return self._trace_device(where, old, entry)
        value = _value(old)
        if value:
            raise _lost(where, old, "the zero page", value, 0)
        return ZERO

    def _source(self, where: Where) -> Owned:
        """What an address without an entry stands for: what the parent has, or the page of a file."""
        if where[0] == self._child:
            theirs = self._origins[where[1]][where[2]]
            if theirs is not None:
                return theirs
        area = self._world.area(where[0], where[1])
        return area.file.cached[where[2]] if area is not None and area.file is not None else None

    def _trace_device(self, where: Where, old: Owned, entry: OnDevice) -> Page:
        page = self._world.device_frames.get(entry.frame)
        if page is None:
            what = f"{address(where)} is on the device in frame {entry.frame}, which was handed out to nobody"
            raise Violation("outcome", what)
        if entry.writable:
            page.writers = {*page.writers, where}
        return self._trace_page(where, old, entry.frame, page)

    def _trace_page(self, where: Where, old: Owned, frame: int, page: Page | None = None) -> Page:
        if page is None:
            page = self._world.frames.get(frame) or self._world.dax_frames.get(frame)
            if page is None:
                raise Violation(
                    "outcome", f"{address(where)} maps frame {frame}, which is in no folio in use"
                )
        if page is old:
            return page
        if page.folio in self._fresh:
            source = self._sources.setdefault(page, old)
            if source is not old and (page.maps or page.folio.pmds):
                raise _stranger(where, page)
        elif type(old) is not Slot or old.page is not page:
            raise _stranger(where, page)
        value = _value(old) if old is not None else 0
        if page.value is None:
            page.value = value
            page.private_to = self._heir(where, old)
        elif page.value != value:
            raise _lost(where, old, describe(page), value, page.value)
        return page

    def _heir(self, where: Where, old: Owned) -> Process | None:
        """Who a fresh page belongs to alone: swap and migration keep that, a new page has its maker."""
        if old is not None and (
            type(old) is Slot or type(old) is DevicePage or (self._relocates and type(old) is Page)
        ):
            return old.private_to
        return self._world.processes[where[0]]

    def _trace_slot(self, where: Where, old: Owned, number: int) -> Slot:
        slots = self._world.slots
        value = _value(old)
        slot = slots.get(number)
        if slot is None:
            keeper = old.private_to if type(old) is Page or type(old) is Slot else None
            slot = slots[number] = Slot(number, value, keeper)
        elif slot is not old and slot.contents != value:
            raise _lost(where, old, f"swap slot {number}", value, slot.contents)
        return slot


def _fits_file(where: Where, area: Area, file: File, now: Owned) -> None:
    """What a mapping of a file may map: what the page cache has, or where it is private a copy of that."""
    if type(now) is not Page:
        return
    index = where[2]
    if index >= file.size and not (file.shmem and now.folio.order and area.pmd is not TABLE):
        raise Violation("page-cache", f"{address(where)} maps page {index} of {file}, which has {file.size}")
    if now is not file.cached[index] and (area.shared or now.folio.of_file):
        what = f"{address(where)} maps {describe(now)}, the page cache of {file} has {describe(file.cached[index])}"
        raise Violation("page-cache", what, folio=folio_name(now.folio))


def _value(owned: Owned) -> int:
    """What a process sees at an address that refers to this."""
    if isinstance(owned, Page):
        return owned.value or 0
    return owned.contents if type(owned) is Slot else 0


def _lost(where: Where, old: Owned, now: str, expected: int, seen: int) -> Violation:
    return Violation(
        "contents",
        f"{address(where)} went from {describe(old)} to {now} and lost what it held",
        terms=[Term("value", expected, seen)],
    )


def _stranger(where: Where, page: Page) -> Violation:
    return Violation(
        "isolation",
        f"{address(where)} maps a page that belongs to others",
        folio=folio_name(page.folio),
        terms=[Term("mappers", "not this one", address(where), owners(page.folio))],
    )
