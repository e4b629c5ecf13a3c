"""Making a drawn operation meet the world: its numbers count among what is there.

Of operations drawn from a fixed universe most would not apply: the process is not alive, the area not
mapped, the handle not open. Here process 1 becomes the second process alive, area 0 the first area that
the process maps (or, to allocate, the first that it does not), a handle the first free or the n-th open one. What still
does not apply is skipped.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from mmfuzz import ops
from mmfuzz.model.world import World
from mmfuzz.ops import NAMES, Operation
from mmfuzz.strategies.universe import Universe

_FIELDS: dict[type[Operation], frozenset[str]] = {
    kind: frozenset(kind.__dataclass_fields__) for kind in NAMES
}


def fit(op: Operation, world: World, universe: Universe) -> Operation:
    """`op` with its process, area and handle chosen among what exists, and new ones the lowest that are free."""
    kind = type(op)
    fields = _FIELDS[kind]
    changes: dict[str, Any] = {}
    if "process" in fields:
        process = world.processes[_nth(sorted(world.processes), op.process)]  # type: ignore[union-attr]
        changes["process"] = process.number
        if "area" in fields:
            free = [area for area in range(universe.areas) if area not in process.areas]
            choice = free if kind is ops.Alloc or kind is ops.Map else sorted(process.areas)
            changes["area"] = _nth(choice, op.area) if choice else op.area  # type: ignore[union-attr]
    if type(op) is ops.Move:
        others = [area for area in sorted(process.areas) if area != changes["area"]]
        changes["to_area"] = _nth(others, op.to_area) if others else op.to_area
    if kind is ops.Fork:
        changes["child"] = _lowest(world.processes, universe.processes)
    if "handle" in fields:
        changes["handle"] = _handle(kind, op.handle, world, universe)  # type: ignore[union-attr]
    return _changed(op, changes)


def _handle(kind: type[Operation], number: int, world: World, universe: Universe) -> int:
    if kind is ops.Pin or kind is ops.Get:
        return _lowest(world.handles, universe.handles)
    pinned = kind is not ops.Put
    fitting = [number for number, handle in sorted(world.handles.items()) if handle.pinned == pinned]
    return _nth(fitting, number) if fitting else number


def _nth(choice: Sequence[int], number: int) -> int:
    return choice[number % len(choice)]


def _lowest(taken: Container[int], limit: int) -> int:
    """The lowest number below `limit` that is not taken; the last one, where the operation is skipped, if all are."""
    return next((number for number in range(limit) if number not in taken), limit - 1)


def _changed(op: Operation, changes: dict[str, Any]) -> Operation:
    if all(getattr(op, name) == value for name, value in changes.items()):
        return op
    values = {name: getattr(op, name) for name in _FIELDS[type(op)]}
    return type(op)(**(values | changes))
