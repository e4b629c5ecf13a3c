"""What every target offers, and what it says of itself. A target never judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from mmfuzz.observation import Counters, DeviceState, Report, Sweep
from mmfuzz.ops import Operation
from mmfuzz.profiles import DEFAULT, Profile, resolve


@dataclass(frozen=True, slots=True)
class Traits:
    """How far a target can be held to the model."""

    name: str
    """`sim`, `linux`, …"""
    kernel: str
    """Profile or release whose counting rules hold, such as `6.18`."""
    huge_order: int
    """Order of a PMD-sized folio: an area has `1 << huge_order` pages."""
    exact: bool
    """True when it refuses only for reasons that the model can see; a real kernel may have others."""
    plant: str = ""
    """The bug that is planted into it, if any."""
    frames: int | None = None
    """Frames that it manages, all of them in its sweep; None when it cannot account for them."""
    pins_coalesced: bool = False
    """True when one pin of several pages of a large folio may count once."""
    pins: str = ""
    """The pin scheme that was chosen in place of the profile's own, if one was."""
    swap: str = ""
    """The kind of swap that was chosen, if one was."""
    profile: Profile = field(default_factory=lambda: resolve(DEFAULT))
    """The counting rules that hold."""
    left_out: dict[type[Operation], str] = field(default_factory=dict)
    """Operations that it cannot do, each with the reason."""


class Target(Protocol):
    """One running world. `step` numbers from 1 and makes written values unique: see `stamp`."""

    traits: Traits

    def reset(self) -> None:
        """Begin a new program: no process but 0, nothing mapped, no handle open."""

    def unsupported(self, op: Operation) -> str | None:
        """Why this very operation cannot be done here, finer than `Traits.left_out`; None when it can."""

    def apply(self, op: Operation, step: int) -> Report:
        """Do one operation that the model found applicable; raise `KernelBug` when the kernel's own
        assertions fail and `TargetBroke` when it died."""

    def counters(self, frame: int) -> Counters | None:
        """The folio that `frame` belongs to, or None when the frame is free."""

    def device(self) -> DeviceState | None:
        """The device that pages may move to, None where there is none."""

    def free_frames(self) -> int | None:
        """Free frames in all, None when the target cannot say; must be cheap."""

    def sweep(self) -> Sweep | None:
        """Account for everything, None when the target cannot."""

    def close(self) -> None:
        """Stop, leaving nothing behind."""
