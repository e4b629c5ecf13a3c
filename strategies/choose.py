"""Seeded choice of the next operation among those that make sense: what campaigns use instead of Hypothesis.

Choosing in proportion to what applies, in long programs, and from a random subset of kinds (swarm testing)
finds far more for each step than uniform choice; the operations are those of the same `Universe`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from random import Random
from typing import Any

from mmfuzz import ops
from mmfuzz.model.applies import ASK, Ask, why_not
from mmfuzz.model.owners import Area, DevicePage, Folio, Page, Process, Slot
from mmfuzz.model.world import World
from mmfuzz.observation import TABLE, ZERO
from mmfuzz.ops import FAMILIES, OPERATIONS, Operation
from mmfuzz.strategies.operations import table
from mmfuzz.strategies.universe import Universe

WEIGHTS: dict[type[Operation], int] = {
    ops.Alloc: 6,
    ops.Fault: 20,
    ops.Fork: 4,
    ops.Exit: 3,
    ops.Pin: 6,
    ops.Unpin: 5,
    ops.Get: 5,
    ops.Put: 4,
    ops.Dma: 5,
    ops.SplitMap: 4,
    ops.Split: 4,
    ops.Collapse: 3,
    ops.Unmap: 2,
    ops.Dontneed: 5,
    ops.SwapOut: 5,
    ops.SwapIn: 5,
    ops.FreeSwap: 3,
    ops.Migrate: 3,
    ops.Drain: 2,
    ops.Free: 2,
    ops.Map: 12,
    ops.ReadFile: 5,
    ops.WriteFile: 6,
    ops.Truncate: 5,
    ops.Punch: 5,
    ops.WriteBack: 5,
    ops.EndWriteBack: 3,
    ops.Fail: 12,
    ops.Protect: 4,
    ops.ToDevice: 8,
    ops.FromDevice: 6,
    ops.Move: 10,
}
"""How often each kind is tried: by how much it does, and how seldom it applies."""

FAMILY_SHARE = 0.4
"""Programs in which a family beside the first takes part."""

FILES_ALONE_SHARE = 0.5
"""Programs with files in them that map nothing else: an area that is taken cannot be mapped."""

FAMILY_PART = 0.3
"""What such a family has of the choices at least, beside those of the first: a few tries now and then reach nothing."""

TRIES = 12
"""Kinds tried before falling back to a fault or an alloc."""


class Chooser:
    """Chooses operations for a world; `kinds` restricts it to a swarm's subset."""

    def __init__(
        self, universe: Universe, random: Random, left_out: frozenset[type[Operation]] = frozenset()
    ) -> None:
        self._universe = universe
        self._random = random.random
        self._kinds = [kind for kind in OPERATIONS if kind not in left_out]
        self._tables: dict[type[Operation], tuple[Operation, ...]] = {
            kind: table(kind, universe) for kind in OPERATIONS
        }
        spans = universe.spans
        whole = len(spans) - 1
        single = len([count for _, count in spans if count == 1])
        self._spans: list[int] = [*range(single)] * 4 + [*range(single, whole)] + [whole] * (single // 2)
        self._deck: list[tuple[Pick, Ask]] = []
        self._armed_decks: dict[str, list[tuple[Pick, Ask]]] = {}
        self.swarm(whole_set=True)

    def swarm(self, *, whole_set: bool = False) -> None:
        """Choose afresh what takes part: families, two thirds of their kinds or all, orders, areas and processes."""
        universe = self._universe
        self._areas = 1 + self._index(universe.areas)
        self._processes = min(universe.processes, 2 + self._index(universe.processes - 1))
        orders = range(len(universe.orders))
        self._orders = [*orders, 0] if self._random() < 0.5 else [self._index(len(orders))]
        first, *others = FAMILIES
        kept = self._thinned(FAMILIES[first], whole_set)
        deck = [kind for kind in kept for _ in range(WEIGHTS[kind])]
        least = len(deck) * FAMILY_PART
        for name in others:
            if self._random() < FAMILY_SHARE:
                more = self._thinned(FAMILIES[name], whole_set or len(FAMILIES[name]) == 1)
                if ops.Map in more:
                    self._areas = universe.areas
                    if self._random() < FILES_ALONE_SHARE:
                        deck = [kind for kind in deck if kind is not ops.Alloc]
                cards = [kind for kind in more for _ in range(WEIGHTS[kind])]
                deck += cards * max(1, round(least / max(1, len(cards))))
                kept += more
        self._deck = [_card(kind) for kind in deck]
        self._armed_decks = {
            point: [_card(kind) for kind in meeting if kind in kept] or self._deck
            for point, meeting in _MEETS.items()
            if ops.Fail in kept
        }

    def _thinned(self, kinds: Sequence[type[Operation]], whole_set: bool) -> list[type[Operation]]:
        """Those of some kinds that take part: all of them, or about two thirds."""
        return [
            kind
            for kind in kinds
            if kind in self._kinds and (whole_set or kind in _ALWAYS or self._random() < 0.66)
        ]

    def next(self, world: World) -> Operation:
        """An operation that applies to `world`."""
        random = self._random
        deck = self._deck if not world.armed else self._armed_decks.get(world.armed, self._deck)
        for _ in range(TRIES):
            pick, ask = deck[int(random() * len(deck))]
            op = pick(self, world)
            if op is not None and ask(world, op) is None:
                return op
        return self._fallback(world)

    def _fallback(self, world: World) -> Operation:
        for process in world.processes.values():
            for number in range(self._areas):
                if number not in process.areas:
                    return self._tables[ops.Alloc][process.number + self._universe.processes * number]
        return ops.Drain()

    def _index(self, limit: int) -> int:
        return int(self._random() * limit)

    def _process(self, world: World) -> Process:
        processes = list(world.processes.values())
        return processes[int(self._random() * len(processes))]

    def _place(self, world: World) -> tuple[int, Area] | None:
        """The packed number of a random (process, area) that is mapped, and the area."""
        process = self._process(world)
        if not process.areas:
            return None
        numbers = list(process.areas)
        number = numbers[int(self._random() * len(numbers))]
        return process.number + self._universe.processes * number, process.areas[number]

    def _free_handle(self, world: World) -> int | None:
        for number in range(self._universe.handles):
            if number not in world.handles:
                return number
        return None

    def _alloc(self, world: World) -> Operation | None:
        universe = self._universe
        process = self._process(world)
        number = self._index(self._areas)
        if number in process.areas:
            return None
        order = self._orders[self._index(len(self._orders))]
        return self._tables[ops.Alloc][
            process.number + universe.processes * (number + universe.areas * order)
        ]

    def _fork(self, world: World) -> Operation | None:
        for child in range(self._processes):
            if child not in world.processes:
                parent = self._process(world).number
                return self._tables[ops.Fork][parent + self._universe.processes * child]
        return None

    def _exit(self, world: World) -> Operation | None:
        if len(world.processes) == 1:
            return None
        return self._tables[ops.Exit][self._process(world).number]

    def _ranged(self, kind: type[Operation], world: World) -> Operation | None:
        place = self._place(world)
        if place is None:
            return None
        at, _ = place
        universe = self._universe
        index = at + universe.processes * universe.areas * self._spans[int(self._random() * len(self._spans))]
        if kind is ops.Fault and self._random() < 0.75:
            index += len(self._tables[kind]) // 2
        return self._tables[kind][index]

    def _take(self, kind: type[Operation], world: World) -> Operation | None:
        handle = self._free_handle(world)
        place = self._place(world)
        if handle is None or place is None:
            return None
        universe = self._universe
        size = universe.processes * universe.areas
        spans = len(universe.spans)
        index = place[0] + size * self._spans[int(self._random() * len(self._spans))]
        if self._random() < 0.7:
            index += size * spans
        return self._tables[kind][index + size * spans * 2 * handle]

    def _handle(self, kind: type[Operation], world: World) -> Operation | None:
        if not world.handles:
            return None
        numbers = list(world.handles)
        number = numbers[int(self._random() * len(numbers))]
        if kind is ops.Dma and self._random() < 0.7:
            number += self._universe.handles
        elif kind is ops.Unpin and self._random() < 0.3:
            number += self._universe.handles * (1 + self._index(3))
        return self._tables[kind][number]

    def _on_area(self, kind: type[Operation], world: World) -> Operation | None:
        place = self._place(world)
        return None if place is None or not _FITS[kind](place[1]) else self._tables[kind][place[0]]

    def _on_page(self, kind: type[Operation], found: type, world: World) -> Operation | None:
        """An operation on one page, or a range, that begins at a page which refers to a `found`."""
        place = self._place(world)
        if place is None:
            return None
        at, area = place
        pages = min(self._universe.pages, len(area.table))
        start = int(self._random() * pages)
        for offset in range(pages):
            page = (start + offset) % pages
            if type(area.at(page)) is found or (found is Page and _in_memory(area, page)):
                break
        else:
            return None
        if kind is not ops.Split and self._random() < 0.3:
            page = len(self._universe.spans) - 1
        return self._tables[kind][at + self._universe.processes * self._universe.areas * page]

    def _map(self, world: World) -> Operation | None:
        process = self._process(world)
        number = self._index(self._areas)
        if number in process.areas:
            return None
        return ops.Map(process.number, number, self._index(len(ops.FILES)), self._random() < 0.5)

    def _on_file(self, kind: type[Operation], world: World) -> Operation | None:
        """Most often a file that is mapped."""
        mapped = [
            area.file for process in world.processes.values() for area in process.areas.values() if area.file
        ]
        number = mapped[self._index(len(mapped))].number if mapped else self._index(len(ops.FILES))
        tables = self._tables[kind]
        files = len(ops.FILES)
        if kind is ops.EndWriteBack:
            return tables[number]
        if kind is ops.Truncate:
            size = self._index(len(tables) // files) if self._random() < 0.6 else 0
            return tables[number + files * size]
        return tables[number + files * self._spans[int(self._random() * len(self._spans))]]

    def _fail(self, world: World) -> Operation | None:
        return None if world.armed else self._tables[ops.Fail][self._index(len(ops.FAILURES))]

    def _move(self, world: World) -> Operation | None:
        """From one area of a process to another: whole areas, or what is there to where nothing is.

        Where there is no other area, one is made first; what is in the way of a huge page is cleared away.
        """
        universe = self._universe
        process = self._process(world)
        areas = {n: area for n, area in process.areas.items() if n < universe.areas and area.file is None}
        if len(areas) < 2:
            free = [number for number in range(universe.areas) if number not in process.areas]
            return (
                self._tables[ops.Alloc][process.number + universe.processes * free[0]]
                if areas and free
                else None
            )
        pairs = list(permutations(areas, 2))
        huge = [(number, to) for number, to in pairs if _huge(areas[number])]
        if huge and self._random() < 0.7:
            number, to_area = huge[self._index(len(huge))]
            if areas[to_area].pmd is not None:
                return self._tables[ops.Free][process.number + universe.processes * to_area]
            span, to_page = len(universe.spans) - 1, 0
        else:
            number, to_area = pairs[self._index(len(pairs))]
            span = self._page_where(areas[number], full=True)
            to_page = self._page_where(areas[to_area], full=False)
        at = process.number + universe.processes * (number + universe.areas * span)
        size = universe.processes * universe.areas * len(universe.spans)
        return self._tables[ops.Move][at + size * (to_area + universe.areas * to_page)]

    def _page_where(self, area: Area, *, full: bool) -> int:
        """A page of an area where something is, or nothing, if there is one; mostly, that is."""
        pages = min(self._universe.pages, len(area.table))
        start = self._index(pages)
        if self._random() < 0.1:
            return start
        for offset in range(pages):
            page = (start + offset) % pages
            if (area.at(page) is not None) == full:
                return page
        return start

    def _drain(self, world: World) -> Operation | None:
        return ops.Drain() if world.batched else None


def _in_memory(area: Area, page: int) -> bool:
    """Whether the file that an area maps has a page in memory, mapped or not."""
    return area.file is not None and area.file.page(page) is not None


def _huge(area: Area) -> bool:
    return type(area.pmd) is Folio or area.pmd is ZERO


def _collapsible(area: Area) -> bool:
    return area.pmd is TABLE


_FITS: dict[type[Operation], Callable[[Area], bool]] = {
    ops.SplitMap: _huge,
    ops.Collapse: _collapsible,
    ops.Free: lambda area: True,
}

_ALWAYS = frozenset({ops.Alloc, ops.Fault})
"""Kinds that every swarm has: without memory nothing else applies."""


_MEETS: dict[str, dict[type[Operation], None]] = {
    "alloc": dict.fromkeys((ops.Fault, ops.Fork, ops.Pin, ops.Get, ops.Collapse, ops.SwapIn, ops.Migrate)),
    "copy": dict.fromkeys((ops.Fault, ops.Fork, ops.Pin, ops.Get, ops.Collapse, ops.Migrate)),
    "io": dict.fromkeys((ops.Fault, ops.SwapIn, ops.Pin, ops.Get, ops.Collapse)),
    "trylock": dict.fromkeys((ops.Fault, ops.Split, ops.Collapse, ops.SwapOut, ops.Migrate, ops.Move)),
    "partial": dict.fromkeys((ops.Pin, ops.Get)),
}
"""Kinds that can meet a failure: one of them comes next, or it was armed for nothing."""


def _by(method: Callable[[Chooser, type[Operation], World], Operation | None], kind: type[Operation]) -> Any:
    return lambda chooser, world: method(chooser, kind, world)


def _on(kind: type[Operation], found: type) -> Any:
    return lambda chooser, world: chooser._on_page(kind, found, world)


Pick = Callable[[Chooser, World], Operation | None]
"""Makes an operation of one kind that probably applies, or gives up."""

_PICK: dict[type[Operation], Pick] = {
    ops.Alloc: Chooser._alloc,
    ops.Fault: _by(Chooser._ranged, ops.Fault),
    ops.Fork: Chooser._fork,
    ops.Exit: Chooser._exit,
    ops.Pin: _by(Chooser._take, ops.Pin),
    ops.Unpin: _by(Chooser._handle, ops.Unpin),
    ops.Get: _by(Chooser._take, ops.Get),
    ops.Put: _by(Chooser._handle, ops.Put),
    ops.Dma: _by(Chooser._handle, ops.Dma),
    ops.SplitMap: _by(Chooser._on_area, ops.SplitMap),
    ops.Split: _on(ops.Split, Page),
    ops.Collapse: _by(Chooser._on_area, ops.Collapse),
    ops.Unmap: _by(Chooser._ranged, ops.Unmap),
    ops.Dontneed: _by(Chooser._ranged, ops.Dontneed),
    ops.SwapOut: _by(Chooser._ranged, ops.SwapOut),
    ops.SwapIn: _on(ops.SwapIn, Slot),
    ops.FreeSwap: _on(ops.FreeSwap, Page),
    ops.Migrate: _on(ops.Migrate, Page),
    ops.Drain: Chooser._drain,
    ops.Free: _by(Chooser._on_area, ops.Free),
    ops.Map: Chooser._map,
    ops.ReadFile: _by(Chooser._on_file, ops.ReadFile),
    ops.WriteFile: _by(Chooser._on_file, ops.WriteFile),
    ops.WriteBack: _by(Chooser._on_file, ops.WriteBack),
    ops.EndWriteBack: _by(Chooser._on_file, ops.EndWriteBack),
    ops.Truncate: _by(Chooser._on_file, ops.Truncate),
    ops.Punch: _by(Chooser._on_file, ops.Punch),
    ops.Fail: Chooser._fail,
    ops.Protect: _on(ops.Protect, Page),
    ops.ToDevice: _on(ops.ToDevice, Page),
    ops.FromDevice: _on(ops.FromDevice, DevicePage),
    ops.Move: Chooser._move,
}


def _card(kind: type[Operation]) -> tuple[Pick, Ask]:
    """What makes an operation of a kind, and what asks whether it applies; some make another one first."""
    return _PICK[kind], why_not if kind is ops.Move else ASK[kind]
