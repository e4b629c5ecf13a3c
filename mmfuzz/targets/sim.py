"""The simulated kernel as a target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmfuzz import ops
from mmfuzz.kernel.eras import assemble
from mmfuzz.kernel.inject import arm, disarm
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.mm import DevicePte, Pte, PteEntry, SwapPte
from mmfuzz.kernel.page import Page
from mmfuzz.observation import (
    TABLE,
    ZERO_FRAME,
    Counters,
    DeviceState,
    Entry,
    KernelBug,
    Mapped,
    OnDevice,
    Report,
    Swapped,
    Sweep,
    stamp,
)
from mmfuzz.ops import Operation
from mmfuzz.planted import plant as planted
from mmfuzz.planted import profile_for
from mmfuzz.profiles import DEFAULT, Profile, resolve
from mmfuzz.targets.base import Traits

FRAMES = 1024
HUGE_ORDER = 3
"""An area is 8 pages: every mechanism works as with 512, and programs stay small enough to read."""


_OWN_SCHEMES = frozenset({"page-bit", "lru-field"})
"""Pin schemes that keep what they know outside refcount and pincount."""


def chosen(kernel: str | None, plant: str | None, pins: str | None) -> Profile:
    """The profile of a version, or of the era in which a bug lives, or the default."""
    if plant is not None:
        kernel = profile_for(plant, kernel)
    return resolve(kernel or DEFAULT, pins)


class Sim:
    """A simulated kernel of version `kernel`, with the bug `plant` in it when that is not None.

    `pins` is a pin scheme to use in place of the profile's own; `frames` is a power of two from 16; `huge_order`
    is the order of a PMD-sized folio, 1 to 9; `swap` is a `disk`, which takes its time, or `zram`, which does not.
    """

    def __init__(
        self,
        kernel: str | None = None,
        *,
        frames: int = FRAMES,
        huge_order: int = HUGE_ORDER,
        plant: str | None = None,
        pins: str | None = None,
        swap: str | None = None,
    ) -> None:
        self._profile = profile = chosen(kernel, plant, pins)
        self._frames = frames
        self._huge_order = huge_order
        kind = assemble(profile, swap or "disk")
        self._class = self.dressed(kind if plant is None else planted(kind, plant))
        self.traits = Traits(
            "sim",
            profile.name,
            huge_order,
            exact=True,
            plant=plant or "",
            frames=frames,
            pins=pins or "",
            swap=swap or "",
            profile=profile,
        )
        self.kernel: Kernel
        self.reset()

    def dressed(self, kernel: type[Kernel]) -> type[Kernel]:
        """The class to make machines of; `mmfuzz.race` puts threads under it."""
        return kernel

    def reset(self) -> None:
        """A new machine; frames that are never used cost nothing."""
        self.kernel = self._class(self._profile, self._frames, self._huge_order)
        self._tables = 0
        self._armed = False

    def unsupported(self, op: Operation) -> str | None:
        """What the era does not have."""
        if type(op) is ops.Alloc and op.order in ops.MTHP_ORDERS and not self._profile.mthp:
            return f"anonymous memory of order {op.order} came with v6.8"
        if type(op) is ops.Move and not self._profile.uffd_move:
            return "UFFDIO_MOVE came with v6.8"
        if type(op) is ops.Fail and ops.FAILURES[op.point] == "copy" and not self._profile.copy_recovers:
            return "contents that are lost are a panic until v6.12, in one place or another"
        if type(op) in (ops.ToDevice, ops.FromDevice) and not self._profile.device_private:
            return "memory of a device that processes own came with v4.14"
        if hasattr(op, "file") and ops.FILES[op.file].dax and not self._profile.device_private:
            return "files on a device are simulated from v5.7 on, where long-term pins are told from others"
        return None

    def apply(self, op: Operation, step: int) -> Report:
        """Do one operation; the report is read from page tables, swap cache and batches."""
        report = Report()
        try:
            _DO[type(op)](self, op, step, report)
            self._observe(report)
            if self._armed:
                self._end_failure(op, report)
        except (LookupError, AttributeError, AssertionError, TypeError, RecursionError) as error:
            raise KernelBug(f"Oops: {error!r}") from error
        return report

    def _end_failure(self, op: Operation, report: Report) -> None:
        """A failure was meant for the operation after `fail`, whether that came to it or not."""
        if type(op) is not ops.Fail:
            self._armed = False
            disarm(self.kernel)
            report.unread = tuple(folio.pfn for folio in self.kernel.unread)
            self.kernel.unread.clear()

    def _observe(self, report: Report) -> None:
        """What the step changed, in its state now; forgets the notes that were taken on the way."""
        kernel = self.kernel
        if kernel.pmd_writes:
            self._observe_pmds(report)
        ptes = report.ptes
        for mm, area, page in kernel.pte_writes:
            vma = mm.vmas.get(area)
            if vma is not None and vma.pmd is TABLE and (mm, area) not in kernel.pmd_writes:
                ptes.append((mm.process, area, page, _entry(vma.ptes[page])))
        kernel.pte_writes.clear()
        kernel.pmd_writes.clear()
        if kernel.made:
            report.folios = [(folio.pfn, folio.order) for folio in kernel.made if folio._refcount]
            kernel.made.clear()
        if kernel.cache_moves:
            cached = kernel.swap_cache
            report.cached = [
                (slot, cached[slot].pfn if slot in cached else None) for slot in kernel.cache_moves
            ]
            kernel.cache_moves.clear()
        if kernel.batch_moves:
            one, other = kernel.batches
            report.batched = [
                (folio.pfn, one.count(folio) + other.count(folio)) for folio in kernel.batch_moves
            ]
            kernel.batch_moves.clear()
        if kernel.file_moves:
            report.filed = [
                (file.number, index, _filed(file.pages.get(index))) for file, index in kernel.file_moves
            ]
            kernel.file_moves.clear()
        if kernel.private_moves:
            report.private = [(folio.pfn, folio.private) for folio in kernel.private_moves]
            kernel.private_moves.clear()
        if len(kernel.page_tables) != self._tables:
            report.tables = self._tables = len(kernel.page_tables)
        if kernel.writing or kernel.written:
            report.writing = [(file.number, index) for file, index in kernel.writing]
            report.written = [(file.number, index, value) for file, index, value in kernel.written]
            kernel.writing.clear()
            kernel.written.clear()
        if kernel.blocks or kernel.woken:
            report.blocks = [page.pfn for page in kernel.blocks]
            report.woken = [page.pfn for page in kernel.woken]
            kernel.blocks.clear()
            kernel.woken.clear()
        if kernel.lent or kernel.freed_to_device:
            report.lent = [page.pfn for page in kernel.lent]
            report.given_back = [page.pfn for page in kernel.freed_to_device]
            kernel.lent.clear()
            kernel.freed_to_device.clear()
        report.touched = [folio.pfn for folio in kernel.touched]
        kernel.touched.clear()

    def _observe_pmds(self, report: Report) -> None:
        kernel = self.kernel
        for mm, area in kernel.pmd_writes:
            if kernel.mms.get(mm.process) is not mm:
                continue
            vma = mm.vmas.get(area)
            pmd = vma.pmd if vma is not None else None
            report.pmds.append((mm.process, area, _entry(pmd)))
            if vma is not None and pmd is TABLE:
                for page, entry in enumerate(vma.ptes):
                    if entry is not None:
                        report.ptes.append((mm.process, area, page, _entry(entry)))

    def counters(self, frame: int) -> Counters | None:
        """The folio that `frame` belongs to, or None when the frame is free."""
        page = self.kernel.mem_map.get(frame)
        if page is None or page.head._refcount == 0:
            return self._elsewhere(frame)
        folio = page.head
        if not folio.order:
            # All by position: this is the hottest call of a run, and names cost a tenth of it.
            return Counters(
                folio.pfn,
                0,
                folio._refcount,
                (folio._mapcount + 1,),
                0,
                None,
                None,
                None,
                None,
                None,
                folio.swapcache,
                (folio.anon_exclusive,) if self._profile.exclusive else None,
                None,
                folio.private,
                (folio.content,),
                self._pinned(folio),
                folio.dirty if folio.private else None,
            )
        if self._profile.tail_refs != "none":
            return self._compound(folio)
        pages = folio.pages
        has = self._profile
        return Counters(
            folio.pfn,
            folio.order,
            folio._refcount,
            [page._mapcount + 1 for page in pages],
            folio._entire_mapcount + 1,
            folio._large_mapcount + 1 if has.large_mapcount else None,
            folio._nr_pages_mapped if has.nr_pages_mapped else None,
            folio._pincount if folio.order >= has.pincount_order else None,
            ((folio.mm_id0, folio.mm_maps0), (folio.mm_id1, folio.mm_maps1)) if has.mm_ids else None,
            folio.mm_shared if has.mm_ids else None,
            folio.swapcache,
            [page.anon_exclusive for page in pages] if has.exclusive else None,
            folio.partially_mapped if has.partially_mapped else None,
            private=folio.private,
            contents=[page.content for page in pages],
            pinned=self._pinned(folio),
            dirty=folio.dirty if folio.private else None,
            double_map=folio.double_map if has.double_map else None,
        )

    def _compound(self, head: Page) -> Counters:
        """A compound page of the time when tails had references: only PMDs map it, and the head counts them."""
        tails = head.pages[1:]
        return Counters(
            head.pfn,
            head.order,
            head._refcount,
            (0,) * len(head.pages),
            head._mapcount + 1,
            swapcache=head.swapcache,
            contents=[page.content for page in head.pages],
            tail_counts=[0, *(tail._refcount for tail in tails)],
            tail_mapcounts=[0, *(tail._mapcount + 1 for tail in tails)],
        )

    def _elsewhere(self, frame: int) -> Counters | None:
        """The shared zero page, which no frame of the memory is, or a page of the device."""
        page = self.kernel.device_map.get(frame)
        if page is not None:
            in_use = page not in self.kernel.page_pgmap(page).free
            exclusive = (page.anon_exclusive,) if self._profile.exclusive else None
            return (
                Counters(
                    frame,
                    0,
                    page._refcount,
                    (page._mapcount + 1,),
                    exclusive=exclusive,
                    contents=(page.content,),
                )
                if in_use
                else None
            )
        if frame != ZERO_FRAME:
            return None
        return Counters(ZERO_FRAME, 0, self.kernel.zero_page._refcount, (0,))

    def _pinned(self, folio: Page) -> bool | None:
        """What a pin scheme of its own says, where there is one to ask."""
        return self.kernel.maybe_dma_pinned(folio) if self._profile.pins in _OWN_SCHEMES else None

    def device(self) -> DeviceState | None:
        """The device, where the era has such."""
        if not self._profile.device_private:
            return None
        pgmap = self.kernel.device
        return DeviceState(
            range(self._frames, self._frames + len(pgmap.pages)),
            frozenset(page.pfn for page in pgmap.free),
            {page.pfn: page._refcount for page in pgmap.free},
            pgmap.ref,
        )

    def free_frames(self) -> int:
        """Free frames in all."""
        return self.kernel.buddy.nr_free

    def sweep(self) -> Sweep:
        """Account for every frame and every swap slot."""
        kernel = self.kernel
        used = [
            (page.pfn, page.order) for page in kernel.mem_map.values() if page.head is page and page._refcount
        ]
        swapped = {slot: value for slot, value in kernel.swap_data.items() if slot not in kernel.swap_cache}
        return Sweep(
            self._frames, kernel.buddy.blocks(), used, dict(kernel.swap_map), swapped, self._on_disk()
        )

    def _on_disk(self) -> dict[tuple[int, int], int]:
        """What files have on disk and not in memory."""
        return {
            (number, index): file.disk.get(index, 0)
            for number, file in self.kernel.files.items()
            if not file.shmem and file.pgmap is None
            for index in range(self.kernel.nr_huge)
            if index not in file.pages
        }

    def close(self) -> None:
        """There is nothing to leave behind."""

    def _span(self, page: int, count: int) -> range:
        return range(page, page + count) if count else range(self.kernel.nr_huge)

    def _alloc(self, op: ops.Alloc, step: int, report: Report) -> None:
        self.kernel.mmap(op.process, op.area, op.order)

    def _free(self, op: ops.Free, step: int, report: Report) -> None:
        report.error = self.kernel.munmap(op.process, op.area, range(self.kernel.nr_huge))

    def _fault(self, op: ops.Fault, step: int, report: Report) -> None:
        kernel = self.kernel
        values: list[int | None] = []
        for index, page in enumerate(self._span(op.page, op.count)):
            if op.write:
                report.error = kernel.user_write(op.process, op.area, page, stamp(step, index))
            else:
                report.error, value = kernel.user_read(op.process, op.area, page)
                values.append(value)
            if report.error:
                report.done = index
                return
        if not op.write:
            report.values = values

    def _fork(self, op: ops.Fork, step: int, report: Report) -> None:
        report.error = self.kernel.fork(op.process, op.child)

    def _exit(self, op: ops.Exit, step: int, report: Report) -> None:
        self.kernel.exit(op.process)

    def _take(self, op: ops.Pin | ops.Get, step: int, report: Report) -> None:
        span = self._span(op.page, op.count)
        report.error = self.kernel.take(
            op.process, op.area, span, op.handle, write=op.write, pin=type(op) is ops.Pin
        )

    def _release(self, op: ops.Unpin | ops.Put, step: int, report: Report) -> None:
        pages = self.kernel.handles[op.handle].pages
        if type(op) is ops.Put:
            report.values = [page.content if page is not None else 0 for page in pages]
        self.kernel.release(op.handle, op.dirty if type(op) is ops.Unpin else ops.AS_WRITTEN)

    def _dma(self, op: ops.Dma, step: int, report: Report) -> None:
        pages = self.kernel.handles[op.handle].pages
        if not op.write:
            report.values = [page.content if page is not None else 0 for page in pages]
            return
        self.kernel.device_writes(op.handle, [stamp(step, index) for index in range(len(pages))])

    def _split_map(self, op: ops.SplitMap, step: int, report: Report) -> None:
        report.error = self.kernel.split_map(op.process, op.area)

    def _split(self, op: ops.Split, step: int, report: Report) -> None:
        report.error = self.kernel.split(op.process, op.area, op.page)

    def _collapse(self, op: ops.Collapse, step: int, report: Report) -> None:
        report.error = self.kernel.collapse(op.process, op.area)

    def _unmap(self, op: ops.Unmap, step: int, report: Report) -> None:
        report.error = self.kernel.munmap(op.process, op.area, self._span(op.page, op.count))

    def _dontneed(self, op: ops.Dontneed, step: int, report: Report) -> None:
        report.error = self.kernel.dontneed(op.process, op.area, self._span(op.page, op.count))

    def _swap_out(self, op: ops.SwapOut, step: int, report: Report) -> None:
        report.error = self.kernel.swap_out(op.process, op.area, self._span(op.page, op.count))

    def _swap_in(self, op: ops.SwapIn, step: int, report: Report) -> None:
        error, values = self.kernel.swap_in(op.process, op.area, self._span(op.page, op.count))
        if error:
            report.error = error
        else:
            report.values = values

    def _free_swap(self, op: ops.FreeSwap, step: int, report: Report) -> None:
        report.error = self.kernel.free_swap(op.process, op.area, self._span(op.page, op.count))

    def _migrate(self, op: ops.Migrate, step: int, report: Report) -> None:
        report.error = self.kernel.migrate(op.process, op.area, self._span(op.page, op.count))

    # Files

    def _map(self, op: ops.Map, step: int, report: Report) -> None:
        self.kernel.mmap_file(op.process, op.area, op.file, shared=op.shared)

    def _read_file(self, op: ops.ReadFile, step: int, report: Report) -> None:
        report.error, report.values = self.kernel.read_file(
            self.kernel.file(op.file), self._span(op.page, op.count)
        )
        report.done = len(report.values)

    def _write_file(self, op: ops.WriteFile, step: int, report: Report) -> None:
        file = self.kernel.file(op.file)
        for index, page in enumerate(self._span(op.page, op.count)):
            report.error = self.kernel.write_file(file, page, stamp(step, index))
            if report.error:
                report.done = index
                return

    def _truncate(self, op: ops.Truncate, step: int, report: Report) -> None:
        file = self.kernel.file(op.file)
        cut = range(op.size, self.kernel.nr_huge) if op.size <= file.size else range(0)
        report.error = self.kernel.break_layouts(file, cut)
        if not report.error:
            self.kernel.truncate(file, op.size)

    def _write_back(self, op: ops.WriteBack, step: int, report: Report) -> None:
        self.kernel.begin_writeback(self.kernel.file(op.file), self._span(op.page, op.count))

    def _end_write_back(self, op: ops.EndWriteBack, step: int, report: Report) -> None:
        self.kernel.end_writebacks(self.kernel.file(op.file))

    def _punch(self, op: ops.Punch, step: int, report: Report) -> None:
        file, span = self.kernel.file(op.file), self._span(op.page, op.count)
        report.error = self.kernel.break_layouts(file, span)
        if not report.error:
            self.kernel.punch_hole(file, span)

    def _to_device(self, op: ops.ToDevice, step: int, report: Report) -> None:
        report.error = self.kernel.to_device(op.process, op.area, self._span(op.page, op.count))

    def _from_device(self, op: ops.FromDevice, step: int, report: Report) -> None:
        report.error = self.kernel.from_device(op.process, op.area, self._span(op.page, op.count))

    def _take_fast(self, op: ops.GetFast | ops.PinFast, step: int, report: Report) -> None:
        span, pin = self._span(op.page, op.count), type(op) is ops.PinFast
        report.error = self.kernel.take_fast_only(
            op.process, op.area, span, op.handle, write=op.write, pin=pin
        )

    def _dup(self, op: ops.Dup, step: int, report: Report) -> None:
        self.kernel.dup(op.handle, op.new)

    def _drain(self, op: ops.Drain, step: int, report: Report) -> None:
        self.kernel.lru_add_drain_all()

    def _fail(self, op: ops.Fail, step: int, report: Report) -> None:
        arm(self.kernel, ops.FAILURES[op.point])
        self._armed = True

    def _protect(self, op: ops.Protect, step: int, report: Report) -> None:
        report.error = self.kernel.protect(op.process, op.area, self._span(op.page, op.count))

    def _move(self, op: ops.Move, step: int, report: Report) -> None:
        kernel, span = self.kernel, self._span(op.page, op.count)
        report.error, report.done = kernel.move(op.process, op.area, span, op.to_area, op.to_page)
        folios = (
            *kernel.walked(op.process, op.area, span),
            *kernel.walked(op.process, op.to_area, self._span(op.to_page, op.count)),
        )
        report.walked = tuple((folio.pfn, kernel.mapped_by(folio)) for folio in dict.fromkeys(folios))


def _filed(entry: Page | int | None) -> Entry:
    """What the page cache has for an index."""
    if isinstance(entry, Page):
        return Mapped(entry.pfn, None)
    return Swapped(entry) if type(entry) is int else None


def _entry(entry: PteEntry) -> Entry:
    """A page-table entry in the words that every target shares."""
    if type(entry) is Pte:
        return Mapped(entry.page.pfn, entry.writable)
    if type(entry) is SwapPte:
        return Swapped(entry.slot)
    if type(entry) is DevicePte:
        return OnDevice(entry.page.pfn, entry.writable)
    assert entry is None or isinstance(entry, tuple), "a migration entry outlived its step"
    return entry


_DO: dict[type[Operation], Callable[[Sim, Any, int, Report], None]] = {
    kind: getattr(Sim, f"_{ops.NAMES[kind]}")
    for kind in ops.OPERATIONS
    if hasattr(Sim, f"_{ops.NAMES[kind]}")
}
_DO |= {
    ops.Dup: Sim._dup,
    ops.GetFast: Sim._take_fast,
    ops.PinFast: Sim._take_fast,
    ops.Pin: Sim._take,
    ops.Get: Sim._take,
    ops.Unpin: Sim._release,
    ops.Put: Sim._release,
}


def perform(target: Sim, op: Operation, step: int, report: Report) -> None:
    """Do one operation without looking at what came of it, which is for those who have several under way."""
    _DO[type(op)](target, op, step, report)
