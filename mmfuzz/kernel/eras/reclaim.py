"""Moving memory in other eras: what is split before it is swapped or migrated, and what reclaim spared."""

from __future__ import annotations

from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Folio


class SplitKeepsZeroes(Kernel):
    """A split maps every page again as it was (until b1f202060afe, v6.12)."""

    split_uses_zero_page = False


class SplitBeforeSwap(Kernel):
    """Only base pages enter the swap cache (until 38d8b4e6bdc8, v4.13)."""

    def reclaim_splits(self, folio: Folio) -> bool:
        """Every large folio."""
        return folio.order > 0


class ReclaimsPinned(Kernel):
    """Reclaim puts pinned pages into the swap cache like any other (until feb889fb40fa, v5.11)."""

    def reclaim_allows(self, folio: Folio) -> bool:
        """Always."""
        return True


class SplitBeforeMigration(Kernel):
    """Only base pages migrate (until 616b8371539a, v4.14)."""

    def migration_splits(self, folio: Folio) -> bool:
        """Every large folio."""
        return folio.order > 0
