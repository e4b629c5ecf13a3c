"""The ledger itself: processes, page tables as plain maps, folios by frame, open handles, swap slots."""

from __future__ import annotations

from mmfuzz.model.owners import Area, DevicePage, File, Folio, Handle, Owned, Page, Process, Slot, Where
from mmfuzz.observation import TABLE


class World:
    """Everything that is owned, and by whom. The only mutations are the few moves below."""

    def __init__(self, huge_order: int) -> None:
        self.huge_order = huge_order
        self.pages = 1 << huge_order
        """Pages of an area."""
        self.processes: dict[int, Process] = {0: Process(0)}
        self.handles: dict[int, Handle] = {}
        self.slots: dict[int, Slot] = {}
        self.files: dict[int, File] = {}
        """Files by number, from their first use on."""
        self.frames: dict[int, Page] = {}
        """The page in each frame that has an owner."""
        self.device_frames: dict[int, DevicePage] = {}
        """The page in each frame of a device that has an owner."""
        self.dax_frames: dict[int, Page] = {}
        """The page in each frame of a device that a file has, or that something refers to."""
        self.busy: dict[Folio, None] = {}
        """Those of a file system's files that are in use: truncating waits for them."""
        self.batched: dict[Folio, None] = {}
        """Folios that sit in an LRU batch."""
        self.affected: dict[Folio, None] = {}
        """Folios whose owners changed in this step."""
        self.loose: dict[Slot, None] = {}
        """Swap slots that lost an entry in this step, and may be free."""
        self.zero: dict[tuple[Handle, int], None] = {}
        """Who holds the shared zero page: (handle, page of its area)."""
        self.from_devices: set[int] = set()
        """Values that devices wrote: they come into memory without a fault that would tell of it."""
        self.armed = ""
        """The failure that the next operation may meet, one of `FAILURES`; empty when there is none."""
        self.steps = 0

    def span(self, page: int, count: int) -> range:
        """The page numbers of an operation's range; a `count` of 0 is the whole area."""
        return range(page, page + count) if count else range(self.pages)

    def area(self, process: int, area: int) -> Area | None:
        """An area of a live process, or None."""
        owner = self.processes.get(process)
        return owner.areas.get(area) if owner is not None else None

    def file(self, number: int) -> File:
        """A file by its number."""
        found = self.files.get(number)
        if found is None:
            found = self.files[number] = File(number, self.pages)
        return found

    def adopt(self, head: int, order: int) -> Folio:
        """A folio that the target made just now, with fresh pages that nothing refers to yet."""
        folio = Folio(head, order)
        if order:
            folio.pages = [Page(folio, index) for index in range(1 << order)]
            self.frames.update(enumerate(folio.pages, head))
        else:
            self.frames[head] = page = Page(folio, 0)
            folio.pages.append(page)
        self.affected[folio] = None
        return folio

    def adopt_device(self, frame: int) -> Folio:
        """A page of a device that its driver handed out just now."""
        folio = Folio(frame, 0)
        page = DevicePage(folio, 0)
        folio.pages.append(page)
        self.device_frames[frame] = page
        self.affected[folio] = None
        return folio

    def adopt_block(self, frame: int) -> Folio:
        """The page of a block that a file was given just now."""
        folio = Folio(frame, 0)
        page = Page(folio, 0)
        folio.pages.append(page)
        self.dax_frames[frame] = page
        self.affected[folio] = None
        return folio

    def beyond(self, frame: int) -> Page | None:
        """The page in a frame of a device, be it somebody's or a file's."""
        return self.device_frames.get(frame) or self.dax_frames.get(frame)

    def cut(self, whole: Folio, head: int, order: int) -> Folio:
        """A piece of a folio that was split; it keeps its pages' owners and its share of the swap cache."""
        piece = Folio(head, order)
        piece.state = whole.state
        first = head - whole.head
        piece.pages = whole.pages[first : first + (1 << order)]
        for index, page in enumerate(piece.pages):
            page.folio = piece
            page.index = index
        if whole.slot is not None:
            piece.slot = whole.slot + first
        piece.of_file = whole.of_file
        if whole.file is not None:
            piece.file = whole.file
            piece.first = whole.first + first
        if whole.batches and not first:
            piece.batches = whole.batches
            self.batched.pop(whole, None)
            self.batched[piece] = None
        self.affected[piece] = None
        self.affected.pop(whole, None)
        return piece

    def forget(self, folio: Folio) -> None:
        """Drop a folio that nothing refers to any more."""
        for index, page in enumerate(folio.pages):
            if self.frames.get(folio.head + index) is page:
                del self.frames[folio.head + index]

    def unlink(self, where: Where, owned: Owned) -> None:
        """A page-table entry stops referring to what it referred to."""
        if type(owned) is Page:
            owned.maps.discard(where)
            if owned.writers:
                owned.writers.discard(where)
            owned.folio.lost = True
            self.affected[owned.folio] = None
        elif type(owned) is Slot:
            owned.entries.discard(where)
            self.loose[owned] = None
        elif type(owned) is DevicePage:
            owned.maps.discard(where)
            owned.writers = owned.writers - {where}
            self.affected[owned.folio] = None

    def link(self, where: Where, owned: Owned, *, writable: bool | None = False) -> None:
        """A PTE starts to refer to something."""
        if type(owned) is Page:
            if owned.maps:
                owned.maps.add(where)
            else:
                owned.maps = {where}
            if writable:
                owned.writers = {*owned.writers, where}
            self.affected[owned.folio] = None
        elif type(owned) is Slot:
            owned.entries.add(where)
        elif type(owned) is DevicePage:
            owned.maps = {*owned.maps, where}
            self.affected[owned.folio] = None

    def hold_zero(self, handle: Handle, page: int) -> None:
        """A handle takes the shared zero page for one page of its range."""
        handle.pages.append(None)
        self.zero[handle, page] = None

    def release_zero(self, handle: Handle) -> None:
        """A handle gives the zero page back, as often as it took it."""
        for holder in [holder for holder in self.zero if holder[0] is handle]:
            del self.zero[holder]

    def release_slot(self, slot: Slot) -> None:
        """A slot that no entry and no cached page uses is free again."""
        if not slot.entries and slot.page is None:
            self.slots.pop(slot.number, None)

    def uncache(self, slot: Slot) -> None:
        """The swap cache lets go of a slot's page; what it held stays in the slot."""
        page = slot.page
        if page is None:
            return
        slot.value = slot.contents
        slot.private_to = page.private_to
        slot.page = None
        if page.folio.slot is not None and page.folio.slot + page.index == slot.number:
            page.folio.slot = None
        self.affected[page.folio] = None
        self.release_slot(slot)

    def tables(self) -> list[str]:
        """Every page table by its owner: a PMD that points to it, or an anonymous huge mapping that keeps it."""
        found = []
        for process in self.processes.values():
            for number, area in process.areas.items():
                if area.pmd is TABLE:
                    found.append(f"under the PMD of {process} a{number}")
                elif area.pmd is not None and area.file is None:
                    found.append(f"deposited for the huge mapping of {process} a{number}")
        return found

    def entry(self, process: int, area: int, page: int) -> Owned:
        """What an address refers to; None where there is no such process or area."""
        found = self.area(process, area)
        return found.at(page) if found is not None else None

    def map_whole(
        self, process: int, number: int, area: Area, folio: Folio, *, writable: bool | None
    ) -> None:
        """A PMD entry starts to map a folio."""
        folio.pmds = {*folio.pmds, (process, number)}
        if writable:
            folio.writers = {*folio.writers, (process, number)}
        self.affected[folio] = None
        area.pmd = folio

    def unmap_all(self, process: int, number: int, area: Area) -> None:
        """Every entry of an area stops referring to anything."""
        pmd = area.pmd
        if type(pmd) is Folio:
            pmd.pmds.discard((process, number))
            if pmd.writers:
                pmd.writers.discard((process, number))
            pmd.lost = True
            self.affected[pmd] = None
        elif pmd is TABLE and any(area.table):
            for page, owned in enumerate(area.table):
                if owned is not None:
                    self.unlink((process, number, page), owned)
            area.table = [None] * self.pages
        area.pmd = None

    def owned_frames(self) -> int:
        """Frames of all folios that something refers to."""
        return len(self.frames)
