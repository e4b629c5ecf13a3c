"""The running kernel as a target: real processes, real pages, counters read out of `struct page`.

The workers' interpreter imports this package too, and shall start fast and small: so the heavy names
are loaded when somebody asks for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmfuzz.targets.linux.machine import requirements as requirements
    from mmfuzz.targets.linux.target import Linux as Linux

__all__ = ["Linux", "requirements"]


def __getattr__(name: str) -> object:
    if name == "Linux":
        from mmfuzz.targets.linux.target import Linux

        return Linux
    if name == "requirements":
        from mmfuzz.targets.linux.machine import requirements

        return requirements
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
