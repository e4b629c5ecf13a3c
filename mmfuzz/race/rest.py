"""What must hold when all threads have ended: the identity of every folio, and nothing left once all is released.

The owners are those that page tables, caches, batches and handles show, put into a ledger of the model; the checks are
those of sequential runs. What the threads wrote is nobody's promise, so contents are taken as they are. Who alone may
write is known: a page that is pinned belongs to who pinned it, for as long as that maps it.
"""

from __future__ import annotations

from dataclasses import replace

from mmfuzz.checks.counters import check_folio
from mmfuzz.checks.memory import check_sweep, check_tables, check_zero_page, freed_early, leaked
from mmfuzz.kernel.mm import AnonVma, DevicePte, MigrationPte, Pte, SwapPte, Vma
from mmfuzz.kernel.page import Page as KernelPage
from mmfuzz.model.owners import Area, File, Folio, Handle, Page, Process, Slot
from mmfuzz.model.world import World
from mmfuzz.observation import TABLE, ZERO, ZERO_FRAME, Special
from mmfuzz.race.target import RacingSim, Taken
from mmfuzz.violation import Violation

PIN_COHERENCE = "pin-coherence"


def check_rest(target: RacingSim) -> None:
    """The identity and what goes with it, for every folio; raise the first `Violation`."""
    world = ledger(target)
    profile = target.profile
    for folio in dict.fromkeys(page.folio for page in world.frames.values()):
        seen = target.counters(folio.head)
        if seen is None:
            if folio.is_owned:
                raise freed_early(folio)
            continue
        if not folio.is_owned:
            raise leaked(folio, seen)
        check_folio(folio, seen, profile, exact=False)
        _check_pins(folio, target)
    _check_handles(target)
    _check_last_writes(target)
    zero = target.counters(ZERO_FRAME)
    if zero is not None:
        check_zero_page(world, zero, profile)
    check_tables(world, len(target.kernel.page_tables))
    check_sweep(world, replace(target.sweep(), swapped={}, disk={}))


def _check_pins(folio: Folio, target: RacingSim) -> None:
    """A pin and the process that took it refer to one page, and a write of the process keeps it so."""
    if not target.profile.fork_copies_pinned or folio.of_file:
        return
    for page in folio.pages:
        for handle in page.pins:
            if not (handle.write or target.profile.exclusive):
                continue  # Until a7f226604170 (v5.19) a pin for reading took what others map as well.
            shared = len(page.maps) + len(folio.pmds) > 1
            mine = any(where[0] == handle.process.number for where in page.maps) or any(
                where[0] == handle.process.number for where in folio.pmds
            )
            if mine and shared:
                raise Violation(
                    PIN_COHERENCE,
                    f"{handle.process} pinned page {page.index}, and others map it too: the next write takes a copy",
                    folio=f"folio at frame {folio.head}, order {folio.order}",
                )


def _check_kept(target: RacingSim, taken: Taken, page: KernelPage, index: int) -> None:
    """What a process has at an address that it pinned is the page, or stands for it, and is its own.

    Unless the process itself has dropped what was there since.
    """
    mm = target.kernel.mms.get(taken.process)
    vma = mm.vmas.get(taken.area) if mm is not None else None
    if vma is None or vma.anon_vma is not taken.anon_vma or (taken.process, taken.area) in target.dropped:
        return
    pmd = vma.pmd
    entry = vma.ptes[index] if pmd is TABLE else pmd
    if isinstance(entry, Pte):
        found = entry.page if pmd is TABLE else entry.page.pages[index]
        flag = page if pmd is TABLE else page.head
        problem = "" if flag.anon_exclusive else "is not the only one who may have it"
        problem = "has another page there now" if found is not page else problem
    elif isinstance(entry, SwapPte):
        problem = "reclaim has taken it away"
    else:
        problem = "has nothing there any more"
    if problem:
        raise Violation(
            PIN_COHERENCE,
            f"p{taken.process} pinned frame {page.pfn} at a{taken.area}.{index}, and {problem}",
            folio=f"folio at frame {page.head.pfn}, order {page.head.order}",
        )


def _check_last_writes(target: RacingSim) -> None:
    """An address of anonymous memory holds what was written there last, unless that was dropped."""
    kernel, contents = target.kernel, target.contents
    for (process, area, page), allowed in contents.last.items() if contents.known else ():
        mm = kernel.mms.get(process)
        vma = mm.vmas.get(area) if mm is not None else None
        if vma is None or vma.file is not None or (process, area) in target.dropped:
            continue
        held = _held(target, vma, page)
        if held not in allowed:
            raise Violation(
                "contents",
                f"p{process} a{area}.{page} holds {held}, and was written {', '.join(map(str, sorted(allowed)))} last",
            )


def _held(target: RacingSim, vma: Vma, page: int) -> int:
    """What a read would see: of a page, of the swap cache, of a swap slot, or nothing."""
    pmd = vma.pmd
    if isinstance(pmd, Pte):
        return pmd.page.pages[page].content
    entry = vma.ptes[page] if pmd is TABLE else None
    if isinstance(entry, (Pte, DevicePte)):
        return entry.page.content
    if isinstance(entry, SwapPte):
        cached = target.kernel.swap_cache.get(entry.slot)
        return cached.content if cached is not None else target.kernel.swap_data.get(entry.slot, 0)
    return 0


def _check_handles(target: RacingSim) -> None:
    """What was taken through an address is a page of that address, and of nobody else by now."""
    for number, pinned in target.kernel.handles.items():
        taken = target.taken[number]
        for index, page in enumerate(pinned.pages):
            if page is None or not isinstance(page.head.mapping, AnonVma) or taken.anon_vma is None:
                continue
            if (
                page.head.mapping is not taken.anon_vma
                or page.head.index + page.number != taken.first + index
            ):
                raise Violation(
                    "isolation",
                    f"h{number} was taken at p{taken.process} a{taken.area}.{taken.first + index}, and has a page of "
                    "another address",
                    folio=f"folio at frame {page.head.pfn}, order {page.head.order}",
                )
            if taken.pinned and target.profile.exclusive:
                _check_kept(target, taken, page, taken.first + index)


def ledger(target: RacingSim) -> World:
    """Who owns what, as the structures of the kernel say; no counter is looked at, but to see what is free."""
    kernel = target.kernel
    world = World(target.traits.huge_order)
    world.processes.clear()
    for page in kernel.mem_map.values():
        if page.head is page and page._refcount:
            _adopt(world, page)
    for slot in kernel.swap_map:
        world.slots[slot] = Slot(slot, kernel.swap_data.get(slot, 0), None)
    _cache(target, world)
    for number, mm in kernel.mms.items():
        process = world.processes[number] = Process(number)
        for vma in mm.vmas.values():
            process.areas[vma.area] = _area(target, world, process, vma)
    for number, pinned in kernel.handles.items():
        _handle(target, world, number, pinned.pages)
    return world


def _adopt(world: World, head: KernelPage) -> None:
    folio = world.adopt(head.pfn, head.order)
    folio.fresh = False
    folio.lost = True
    folio.private = head.private
    if len(head.pages) != len(folio.pages):
        what = f"the folio at frame {head.pfn} has order {head.order}, and {len(head.pages)} pages"
        raise Violation("frames", what)
    for page, seen in zip(folio.pages, head.pages, strict=True):
        page.value = seen.content


def _page(world: World, page: KernelPage) -> Page:
    """The page of a frame; one that is free by the counters is adopted all the same: somebody refers to it."""
    found = world.frames.get(page.pfn)
    if found is None:
        world.adopt(page.pfn, 0)
        found = world.frames[page.pfn]
        found.value = page.content
    return found


def _cache(target: RacingSim, world: World) -> None:
    """Swap cache, page caches, and LRU batches."""
    kernel = target.kernel
    for slot, cached in kernel.swap_cache.items():
        page = _page(world, cached)
        known = world.slots.setdefault(slot, Slot(slot, 0, None))
        known.page = page
        if page.index == 0:
            page.folio.slot = slot
    for number, file in kernel.files.items():
        owner = world.files[number] = File(number, kernel.nr_huge)
        owner.size = file.size
        for index, entry in file.pages.items():
            if isinstance(entry, KernelPage):
                page = _page(world, entry)
                owner.cached[index] = page
                page.folio.of_file = True
                if page.index == 0:
                    page.folio.file, page.folio.first = owner, index
            else:
                swapped = world.slots.setdefault(entry, Slot(entry, 0, None))
                swapped.entries.add(owner.where(index))
                owner.cached[index] = swapped
    for batch in kernel.batches:
        for waiting in batch:
            folio = _page(world, waiting).folio
            folio.batches += 1
            world.batched[folio] = None


def _area(target: RacingSim, world: World, process: Process, vma: Vma) -> Area:
    number = process.number
    file = world.file(vma.file.number) if vma.file is not None else None
    area = Area(vma.order, target.kernel.nr_huge, file, shared=vma.shared)
    area.mapped = list(vma.present)
    pmd = vma.pmd
    if pmd is TABLE:
        area.pmd = TABLE
        for index, entry in enumerate(vma.ptes):
            _entry(world, area, (number, vma.area, index), entry)
    elif isinstance(pmd, Pte):
        world.map_whole(number, vma.area, area, _page(world, pmd.page).folio, writable=_writable(vma, pmd))
    elif pmd is ZERO:
        area.pmd = ZERO
    return area


def _writable(vma: Vma, entry: Pte) -> bool:
    return entry.writable and not vma.shared


def _entry(world: World, area: Area, where: tuple[int, int, int], entry: object) -> None:
    if isinstance(entry, MigrationPte):
        raise Violation("outcome", f"a migration entry is left at p{where[0]} a{where[1]}.{where[2]}")
    if isinstance(entry, (Pte, DevicePte)):
        owned = _page(world, entry.page)
        area.table[where[2]] = owned
        world.link(where, owned, writable=entry.writable and not area.shared)
    elif isinstance(entry, SwapPte):
        slot = world.slots.setdefault(entry.slot, Slot(entry.slot, 0, None))
        area.table[where[2]] = slot
        world.link(where, slot)
    elif isinstance(entry, Special):
        area.table[where[2]] = entry


def _handle(target: RacingSim, world: World, number: int, pages: list[KernelPage | None]) -> None:
    taken = target.taken[number]
    process = world.processes.get(taken.process) or Process(taken.process)
    handle = Handle(number, process, taken.area, taken.first, pinned=taken.pinned, write=taken.write)
    world.handles[number] = handle
    for index, seen in enumerate(pages):
        if seen is None:
            world.hold_zero(handle, index)
            continue
        page = _page(world, seen)
        handle.pages.append(page)
        page.hold(handle)
