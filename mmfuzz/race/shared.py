"""What threads share: pages, areas and tables whose every access is a step of the scheduler.

The value that comes last in the order of writes stands in the field itself as well, for those who look from outside:
the set-up before the threads, watchers between two steps, and the checks at rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mmfuzz.interleave.memory import KEEP, Cell, Order, join
from mmfuzz.interleave.waiting import Lock, Processors
from mmfuzz.kernel.mm import DevicePte, MigrationPte, Mm, Pte, Vma
from mmfuzz.kernel.page import Page

ATOMIC = ("_refcount", "_mapcount", "_entire_mapcount", "_large_mapcount", "_nr_pages_mapped", "_pincount")
"""Counters that the kernel reads with atomic_read()."""

MARKED = (
    *ATOMIC,
    "head",
    "order",
    "anon_exclusive",
    "swapcache",
    "lru",
    "dirty",
    "uptodate",
    "partially_mapped",
    "double_map",
    "private",
    "compound_lock",
    "mm_shared",
)
"""Fields that every access marks: counters, compound_head, and page flags, of which each bit is a location here."""

PLAIN = (
    "mapping",
    "index",
    "swap",
    "first_page",
    "content",
    "mm_id0",
    "mm_maps0",
    "mm_id1",
    "mm_maps1",
)
"""Fields that the kernel reads and writes as C does, trusting in locks."""

ABSENT = object()
"""What a table has under a key that is not in it."""


class Stage:
    """One execution: its machine while threads run, and the locks that they take."""

    def __init__(self) -> None:
        self.machine: Processors | None = None
        self.name_of: Callable[[object], str] = repr
        self._locks: dict[tuple[str, int], tuple[object, Lock]] = {}

    @property
    def running(self) -> Processors | None:
        """The machine, if one of its threads is running; None for who looks from outside."""
        machine = self.machine
        return machine if machine is not None and machine.current is not None else None

    def lock(self, kind: str, of: object) -> Lock:
        """The lock of a kind that guards a thing."""
        key = kind, id(of)
        found = self._locks.get(key)
        if found is None:
            found = self._locks[key] = of, Lock(lambda: f"{_called(kind, of)} of {self.name_of(of)}")
        return found[1]

    def held(self) -> list[str]:
        """Locks that somebody has."""
        return [lock.cell.name for _, lock in self._locks.values() if not lock.is_free()]

    def load(self, machine: Processors, cell: Cell, order: Order = "") -> Any:
        """Read a location, and remember from whom a pointer was read: its object is seen as it was then, or newer."""
        message = machine.load(cell, order)
        if message.view:
            target = _target(message.value)
            if target is not None:
                thread = machine.current
                assert thread is not None
                join(thread.views.pointers.setdefault(id(target), {}), message.view)
        return message.value


def _called(kind: str, of: object) -> str:
    """A kind of lock, by the kernel's name where what it guards has only one of that kind."""
    if isinstance(of, Vma):
        return "page-table lock"
    return "mmap_lock" if isinstance(of, Mm) else kind


def _target(value: object) -> object:
    """The object that a value points to, directly or as an entry of a page table."""
    if isinstance(value, (Pte, DevicePte, MigrationPte)):
        return value.page
    return value if isinstance(value, Page) else None


class SharedPage(Page):
    """The metadata of a frame. Before its threads begin, and for who looks from outside, it is like any other."""

    __slots__ = ("cells", "stage")

    def __init__(self, stage: Stage, pfn: int) -> None:
        self.cells: dict[str, Cell] = {}
        self.stage: Stage | None = None
        super().__init__(pfn)
        self.stage = stage

    def cell(self, field: str) -> Cell:
        """The location of a field."""
        found = self.cells.get(field)
        if found is None:
            slot = _SLOTS[field]
            stage = self.stage
            assert stage is not None
            found = self.cells[field] = Cell(
                lambda: f"{stage.name_of(self)} {field}",
                slot.__get__(self),
                owner=self,
                keep=lambda value: slot.__set__(self, value),
            )
        return found

    def _change(self, field: str, change: Callable[[Any], Any], order: Order) -> tuple[Any, bool] | None:
        """An atomic change by a thread; None where none runs."""
        machine = self.stage.running if self.stage is not None else None
        return None if machine is None else machine.rmw(self.cell(field), change, order)

    def ref_add(self, refs: int) -> None:
        """page_ref_add(): no order."""
        if self._change("_refcount", lambda count: count + refs, "") is None:
            super().ref_add(refs)

    def ref_add_return(self, refs: int) -> int:
        """atomic_add_return(): a full barrier."""
        changed = self._change("_refcount", lambda count: count + refs, "full")
        return super().ref_add_return(refs) if changed is None else changed[0] + refs

    def ref_add_unless_zero(self, refs: int = 1) -> bool:
        """page_ref_add_unless(): a full barrier, unless it finds zero."""
        changed = self._change("_refcount", lambda count: count + refs if count else KEEP, "full")
        return super().ref_add_unless_zero(refs) if changed is None else changed[1]

    def ref_freeze(self, expected: int) -> bool:
        """page_ref_freeze(): a full barrier, unless it finds something else."""
        changed = self._change("_refcount", lambda count: 0 if count == expected else KEEP, "full")
        return super().ref_freeze(expected) if changed is None else changed[1]

    def mapcount_add_return(self, maps: int) -> int:
        """atomic_add_return() on `_mapcount`."""
        changed = self._change("_mapcount", lambda count: count + maps, "full")
        return super().mapcount_add_return(maps) if changed is None else changed[0] + maps

    def add(self, field: str, value: int) -> None:
        """atomic_add()."""
        if self._change(field, lambda count: count + value, "") is None:
            super().add(field, value)

    def add_return(self, field: str, value: int) -> int:
        """atomic_add_return()."""
        changed = self._change(field, lambda count: count + value, "full")
        return super().add_return(field, value) if changed is None else changed[0] + value


_SLOTS: dict[str, Any] = {field: Page.__dict__[field] for field in (*MARKED, *PLAIN)}


def _field(slot: Any, name: str, order: Order) -> property:
    """A field whose accesses are steps while a thread runs."""

    def read(thing: Any) -> Any:
        stage = thing.stage
        machine = stage.running if stage is not None else None
        return slot.__get__(thing) if machine is None else stage.load(machine, thing.cell(name), order)

    def write(thing: Any, value: Any) -> None:
        stage = thing.stage
        machine = stage.running if stage is not None else None
        if machine is None:
            slot.__set__(thing, value)
        else:
            machine.store(thing.cell(name), value, order)

    return property(read, write)


for _name in MARKED:
    setattr(SharedPage, _name, _field(_SLOTS[_name], _name, ""))
for _name in PLAIN:
    setattr(SharedPage, _name, _field(_SLOTS[_name], _name, "plain"))


class SharedMm(Mm):
    """An address space: the words of it that are read without mmap_lock."""

    __slots__ = ("cells", "stage")

    def __init__(self, stage: Stage, process: int, mm_id: int, cpu: int) -> None:
        self.cells: dict[str, Cell] = {}
        self.stage: Stage | None = None
        super().__init__(process, mm_id, cpu)
        self.stage = stage

    def cell(self, field: str) -> Cell:
        """The location of a field."""
        return _cell(self, self.cells, field, Mm.__dict__[field], self.stage)


class SharedVma(Vma):
    """An area: its PMD entry and the entries of its page table."""

    __slots__ = ("cells", "stage")

    def __init__(self, stage: Stage, *args: Any, **options: Any) -> None:
        self.cells: dict[str, Cell] = {}
        self.stage: Stage | None = None
        super().__init__(*args, **options)
        self.ptes = SharedList(stage, self, self.ptes)
        self.stage = stage

    def cell(self, field: str) -> Cell:
        """The location of a field."""
        return _cell(self, self.cells, field, Vma.__dict__[field], self.stage)


def _cell(thing: object, cells: dict[str, Cell], field: str, slot: Any, stage: Stage | None) -> Cell:
    found = cells.get(field)
    if found is None:
        assert stage is not None
        found = cells[field] = Cell(
            lambda: f"{stage.name_of(thing)} {field}",
            slot.__get__(thing),
            owner=thing,
            keep=lambda value: slot.__set__(thing, value),
        )
    return found


for _name in ("has_pinned", "write_protect_seq"):
    if _name in Mm.__dict__:
        setattr(SharedMm, _name, _field(Mm.__dict__[_name], _name, ""))
for _name in ("pmd",):
    setattr(SharedVma, _name, _field(Vma.__dict__[_name], _name, ""))


class SharedList(list[Any]):
    """The entries of a page table, each a location."""

    def __init__(self, stage: Stage, vma: Vma, entries: list[Any]) -> None:
        super().__init__(entries)
        self.stage = stage
        self.vma = vma
        self.cells: dict[int, Cell] = {}

    def cell(self, index: int) -> Cell:
        """The location of an entry."""
        found = self.cells.get(index)
        if found is None:
            put = super().__setitem__
            found = self.cells[index] = Cell(
                lambda: f"{self.stage.name_of(self.vma)}.{index} pte",
                super().__getitem__(index),
                owner=self.vma,
                keep=lambda value: put(index, value),
            )
        return found

    def __getitem__(self, index: Any) -> Any:
        machine = self.stage.running
        if machine is None:
            return super().__getitem__(index)
        if isinstance(index, slice):
            return [self.stage.load(machine, self.cell(at)) for at in range(*index.indices(len(self)))]
        return self.stage.load(machine, self.cell(range(len(self))[index]))

    def __setitem__(self, index: Any, value: Any) -> None:
        machine = self.stage.running
        if machine is None:
            super().__setitem__(index, value)
        else:
            machine.store(self.cell(range(len(self))[index]), value)

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))


class SharedDict(dict[Any, Any]):
    """A table that is looked up without a lock: page cache or swap cache, each key a location."""

    def __init__(self, stage: Stage, name: str, entries: dict[Any, Any]) -> None:
        super().__init__(entries)
        self.stage = stage
        self.name = name
        self.cells: dict[Any, Cell] = {}

    def cell(self, key: Any) -> Cell:
        """The location of an entry."""
        found = self.cells.get(key)
        if found is None:
            value = super().get(key, ABSENT)
            found = self.cells[key] = Cell(
                f"{self.name}[{key}]", value, owner=self, keep=lambda value: self._keep(key, value)
            )
        return found

    def _keep(self, key: Any, value: Any) -> None:
        if value is ABSENT:
            super().pop(key, None)
        else:
            super().__setitem__(key, value)

    def get(self, key: Any, default: Any = None) -> Any:
        """What is there, or the default."""
        machine = self.stage.running
        if machine is None:
            return super().get(key, default)
        value = self.stage.load(machine, self.cell(key))
        return default if value is ABSENT else value

    def __contains__(self, key: object) -> bool:
        machine = self.stage.running
        if machine is None:
            return super().__contains__(key)
        return self.stage.load(machine, self.cell(key)) is not ABSENT

    def __getitem__(self, key: Any) -> Any:
        value = self.get(key, ABSENT)
        if value is ABSENT:
            raise KeyError(key)
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        machine = self.stage.running
        if machine is None:
            super().__setitem__(key, value)
        else:
            machine.store(self.cell(key), value)

    def __delitem__(self, key: Any) -> None:
        machine = self.stage.running
        if machine is None:
            super().__delitem__(key)
        else:
            machine.store(self.cell(key), ABSENT)

    def pop(self, key: Any, default: Any = None) -> Any:
        """Take an entry out."""
        machine = self.stage.running
        if machine is None:
            return super().pop(key, default)
        value = self.stage.load(machine, self.cell(key))
        if value is ABSENT:
            return default
        machine.store(self.cell(key), ABSENT)
        return value
