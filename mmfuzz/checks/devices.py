"""What a device has left, against what is owned of it."""

from __future__ import annotations

from mmfuzz.model.world import World
from mmfuzz.observation import DeviceState
from mmfuzz.profiles import Profile
from mmfuzz.violation import Term, Violation


def check_device(world: World, state: DeviceState, rules: Profile) -> None:
    """Each page of the device is its driver's or somebody's, idle ones count as the era has it, and so does the map."""
    owned = frozenset(world.device_frames)
    free = frozenset(state.frames) - owned
    if state.free != free:
        raise Violation(
            "frames",
            "the driver of the device and the owners of its pages disagree on which ones are in use",
            terms=[Term("free frames of the device", sorted(free), sorted(state.free))],
        )
    for frame, refs in state.idle_refs.items():
        if refs != rules.device_idle:
            what = f"frame {frame} of the device is idle, and its refcount is {refs}"
            raise Violation("free-event", what, terms=[Term("refcount", rules.device_idle, refs)])
    users = len(state.frames) if rules.device_idle else len(owned)
    if state.map_refs != users:
        what = f"the map of the device's pages has {state.map_refs} references, {users} pages refer to it"
        raise Violation(
            "free-event", what, terms=[Term("pages that refer to the map", users, state.map_refs)]
        )
