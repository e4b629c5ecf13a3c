"""Whether an operation applies to the world as it stands, and if not, why.

Only what an operation needs to make sense is asked here; what the kernel then makes of it is an outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmfuzz import ops
from mmfuzz.model.owners import Area, DevicePage, Folio, Page, Slot
from mmfuzz.model.world import World
from mmfuzz.observation import TABLE
from mmfuzz.ops import Operation

Ranged = (
    ops.Fault
    | ops.Pin
    | ops.Get
    | ops.Unmap
    | ops.Dontneed
    | ops.SwapOut
    | ops.SwapIn
    | ops.FreeSwap
    | ops.Migrate
    | ops.ToDevice
    | ops.FromDevice
    | ops.Protect
    | ops.Move
)


def why_not(world: World, op: Operation) -> str | None:
    """The reason why `op` does not apply, or None when it does."""
    return ASK[type(op)](world, op)


def _alloc(world: World, op: ops.Alloc) -> str | None:
    process = world.processes.get(op.process)
    if process is None:
        return f"process {op.process} is not alive"
    if op.area in process.areas:
        return f"area {op.area} is mapped already"
    if op.order in ops.MTHP_ORDERS and op.order >= world.huge_order:
        return f"order {op.order} is not below the PMD order {world.huge_order}"
    return None


def _free(world: World, op: ops.Free) -> str | None:
    return None if world.area(op.process, op.area) is not None else f"area {op.area} is not mapped"


def _inside(world: World, op: Ranged) -> Area | str:
    area = world.area(op.process, op.area)
    if area is None:
        return f"area {op.area} is not mapped"
    if not op.count:
        return area if not op.page and all(area.mapped) else "part of the area is unmapped"
    if op.page + op.count > world.pages:
        return f"the range ends beyond the area's {world.pages} pages"
    mapped = area.mapped
    for page in range(op.page, op.page + op.count):
        if not mapped[page]:
            return f"page {page} is unmapped"
    return area


def _ranged(world: World, op: Ranged) -> str | None:
    area = _inside(world, op)
    return area if type(area) is str else None


def _fork(world: World, op: ops.Fork) -> str | None:
    if op.process not in world.processes:
        return f"process {op.process} is not alive"
    if op.child in world.processes:
        return f"process {op.child} is alive already"
    return None


def _exit(world: World, op: ops.Exit) -> str | None:
    if op.process not in world.processes:
        return f"process {op.process} is not alive"
    return "the last process stays" if len(world.processes) == 1 else None


def _take(world: World, op: ops.Pin | ops.Get) -> str | None:
    if op.handle in world.handles:
        return f"handle {op.handle} is open already"
    return _ranged(world, op)


def _unpin(world: World, op: ops.Unpin) -> str | None:
    handle = world.handles.get(op.handle)
    if handle is None or not handle.pinned:
        return f"handle {op.handle} holds no pin"
    return f"a device wrote through handle {op.handle}" if op.dirty == ops.CLEAN and handle.written else None


def _put(world: World, op: ops.Put) -> str | None:
    handle = world.handles.get(op.handle)
    return None if handle is not None and not handle.pinned else f"handle {op.handle} holds no get"


def _dma(world: World, op: ops.Dma) -> str | None:
    handle = world.handles.get(op.handle)
    if handle is None or not handle.pinned:
        return f"handle {op.handle} holds no pin"
    return f"handle {op.handle} was not pinned for writing" if op.write and not handle.write else None


def _split_map(world: World, op: ops.SplitMap) -> str | None:
    area = world.area(op.process, op.area)
    if area is None or area.pmd is None or area.pmd is TABLE:
        return f"area {op.area} is not mapped by a PMD"
    return None if all(area.mapped) else "part of the area is unmapped"


def _split(world: World, op: ops.Split) -> str | None:
    area = world.area(op.process, op.area)
    if area is None or op.page >= world.pages:
        return f"page {op.page} of area {op.area} is not mapped"
    page = area.at(op.page)
    if type(page) is not Page or not page.folio.order:
        return f"page {op.page} is in no large folio"
    return None


def _collapse(world: World, op: ops.Collapse) -> str | None:
    area = world.area(op.process, op.area)
    if area is None or not all(area.mapped):
        return f"area {op.area} is not mapped whole"
    if area.file is not None:
        if type(area.pmd) is Folio:
            return "a huge page is mapped already"
        return None if any(area.file.cached) else "the page cache has nothing of the file"
    if area.pmd is not TABLE:
        return "there is no page table to collapse"
    for owned in area.table:
        if type(owned) is Page or type(owned) is Slot or type(owned) is DevicePage:
            return None
    return "nothing is mapped in the area"


def _unmap(world: World, op: ops.Unmap) -> str | None:
    area = world.area(op.process, op.area)
    if area is None:
        return f"area {op.area} is not mapped"
    if op.page + op.count > world.pages:
        return f"the range ends beyond the area's {world.pages} pages"
    for page in world.span(op.page, op.count):
        if area.mapped[page]:
            return None
    return "the range is unmapped already"


def _move(world: World, op: ops.Move) -> str | None:
    source = _inside(world, op)
    if type(source) is str:
        return source
    target = world.area(op.process, op.to_area)
    if target is None or op.to_area == op.area:
        return f"area {op.to_area} is not another area that is mapped"
    assert type(source) is Area
    if source.file is not None or target.file is not None:
        return "a file is mapped there"
    if op.to_page + len(world.span(op.page, op.count)) > world.pages:
        return f"the target ends beyond the area's {world.pages} pages"
    if not all(target.mapped[op.to_page : op.to_page + len(world.span(op.page, op.count))]):
        return "part of the target is unmapped"
    return None


def _needing(found: Callable[[World, Area, int], bool], what: str) -> Callable[[World, Any], str | None]:
    """An operation on a range that needs one page of it to be something."""

    def ask(world: World, op: Ranged) -> str | None:
        area = _inside(world, op)
        if type(area) is str:
            return area
        assert type(area) is Area
        for page in world.span(op.page, op.count):
            if found(world, area, page):
                return None
        return f"nothing in the range is {what}"

    return ask


def _present(world: World, area: Area, page: int) -> bool:
    owned = area.source(page)
    return type(owned) is Page or (area.file is not None and type(owned) is Slot and owned.page is not None)


def _swapped(world: World, area: Area, page: int) -> bool:
    return type(area.at(page)) is Slot


def _reclaimable(world: World, area: Area, page: int) -> bool:
    owned = area.source(page)
    return type(owned) is Page or (type(owned) is Slot and owned.page is not None)


def _cached(world: World, area: Area, page: int) -> bool:
    owned = area.at(page)
    return type(owned) is Page and owned.folio.slot is not None


def _map(world: World, op: ops.Map) -> str | None:
    process = world.processes.get(op.process)
    if process is None:
        return f"process {op.process} is not alive"
    if ops.FILES[op.file].dax == "device" and not op.shared:
        return "a device is mapped shared"
    return f"area {op.area} is mapped already" if op.area in process.areas else None


def _no_file(file: int) -> str | None:
    """Why there is no reading, writing and cutting off: the file is a device."""
    kind = ops.FILES[file]
    return f"{kind.name} is a device, to be mapped and nothing else" if kind.dax == "device" else None


def _inside_file(world: World, op: ops.ReadFile | ops.Punch | ops.WriteBack) -> str | None:
    if reason := _no_file(op.file):
        return reason
    size = world.file(op.file).size
    end = op.page + op.count if op.count else world.pages
    return None if end <= size else f"the range ends behind the file's {size} pages"


def _write_file(world: World, op: ops.WriteFile) -> str | None:
    if reason := _no_file(op.file):
        return reason
    if op.page + op.count > world.pages:
        return f"the range ends beyond the {world.pages} pages that a file may have"
    return None


def _write_back(world: World, op: ops.WriteBack) -> str | None:
    kind = ops.FILES[op.file]
    if kind.shmem or kind.dax:
        return f"{kind.name} is not written to a disk"
    if reason := _inside_file(world, op):
        return reason
    found = any(map(world.file(op.file).page, world.span(op.page, op.count)))
    return None if found else "nothing in the range is in memory"


def _end_write_back(world: World, op: ops.EndWriteBack) -> str | None:
    return None if world.file(op.file).writing else f"nothing of {world.file(op.file)} is being written"


def _truncate(world: World, op: ops.Truncate) -> str | None:
    if reason := _no_file(op.file):
        return reason
    size = world.file(op.file).size
    if op.size > world.pages:
        return f"a file has at most {world.pages} pages"
    if op.size == size and not any(world.file(op.file).cached):
        return f"the file has {size} pages already"
    return None


def _on_device(world: World, area: Area, page: int) -> bool:
    return type(area.at(page)) is DevicePage


def _always(world: World, op: Operation) -> str | None:
    return None


Ask = Callable[[World, Any], str | None]

ASK: dict[type[Operation], Ask] = {
    ops.Alloc: _alloc,
    ops.Fault: _ranged,
    ops.Fork: _fork,
    ops.Exit: _exit,
    ops.Pin: _take,
    ops.Unpin: _unpin,
    ops.Get: _take,
    ops.Put: _put,
    ops.Dma: _dma,
    ops.SplitMap: _split_map,
    ops.Split: _split,
    ops.Collapse: _collapse,
    ops.Unmap: _unmap,
    ops.Dontneed: _ranged,
    ops.SwapOut: _needing(_reclaimable, "present or in the swap cache"),
    ops.SwapIn: _needing(_swapped, "swapped out"),
    ops.FreeSwap: _needing(_cached, "in the swap cache"),
    ops.Migrate: _needing(_present, "present"),
    ops.Drain: _always,
    ops.Free: _free,
    ops.Map: _map,
    ops.ReadFile: _inside_file,
    ops.WriteFile: _write_file,
    ops.WriteBack: _write_back,
    ops.EndWriteBack: _end_write_back,
    ops.Truncate: _truncate,
    ops.Punch: _inside_file,
    ops.Fail: _always,
    ops.Move: _move,
    ops.Protect: _needing(_present, "present"),
    ops.ToDevice: _needing(_present, "present"),
    ops.FromDevice: _needing(_on_device, "on the device"),
}
"""The question of each kind: why an operation of it does not apply to a world."""
