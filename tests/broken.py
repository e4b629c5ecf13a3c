"""A kernel that is broken on purpose, as a target."""

from __future__ import annotations

from mmfuzz.kernel.eras import assemble
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.profiles import DEFAULT, PROFILES
from mmfuzz.targets.sim import Sim


class BrokenSim(Sim):
    """A simulated kernel with another class in front of the era's own."""

    def __init__(self, kernel: type[Kernel], version: str = DEFAULT) -> None:
        super().__init__(version)
        self._class = type("Broken", (kernel, assemble(PROFILES[version])), {})
        self.reset()
