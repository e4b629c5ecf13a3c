"""Where programs run: each target starts, applies operations, shows counters, and stops."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from mmfuzz.errors import UsageError
from mmfuzz.program import FRAMES as FRAMES_ALLOWED
from mmfuzz.program import HUGE_ORDERS, SWAPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmfuzz.targets.base import Target

TARGETS = ("sim", "linux")


def open_target(
    name: str,
    *,
    kernel: str | None = None,
    plant: str | None = None,
    frames: int | None = None,
    huge: int | None = None,
    swap: str | None = None,
    pins: str | None = None,
) -> Target:
    """Start a target by name; what is None is the target's own default.

    `kernel`, `plant`, `frames` (a power of two), `huge` (an order) and `pins` (a scheme) make a simulated kernel;
    without `kernel` it is of the era in which `plant` lives, or of the default profile; its `swap` is of one of two
    kinds. The running one is as it is, and only takes `swap`: `zram`, or a file. Raises `UsageError`, and
    `TargetUnavailable` when the machine lacks what the target needs.
    """
    if name == "sim":
        from mmfuzz.targets.sim import FRAMES, HUGE_ORDER, Sim

        if swap is not None and swap not in SWAPS:
            kinds = " or ".join(SWAPS)
            raise UsageError(
                f"the simulated kernel has a swap of its own: it cannot use {swap!r}, only {kinds}"
            )
        _check(frames, FRAMES_ALLOWED, "frames", "a power of two")
        _check(huge, HUGE_ORDERS, "huge order", "a number")
        return Sim(
            kernel, frames=frames or FRAMES, huge_order=huge or HUGE_ORDER, plant=plant, pins=pins, swap=swap
        )
    if name == "linux":
        from mmfuzz.targets.linux import Linux

        made = {"kernel": kernel, "bug": plant, "frames": frames, "huge order": huge, "pin scheme": pins}
        for what, value in made.items():
            if value is not None:
                raise UsageError(f"the running kernel is as it is: it cannot have {what} {value!r}")
        return Linux(swap=swap)
    close = get_close_matches(name, TARGETS, 1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise UsageError(f"unknown target {name!r}{hint}: one of {', '.join(TARGETS)}")


def _check(value: int | None, allowed: Sequence[int], name: str, kind: str) -> None:
    if value is not None and value not in allowed:
        raise UsageError(f"{name} {value!r} is not allowed: {kind} from {allowed[0]} to {allowed[-1]}")
