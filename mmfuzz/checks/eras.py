"""What a folio of an era may be: states that later kernels brought are wrong on earlier ones."""

from __future__ import annotations

from mmfuzz.model.names import folio_name, owners
from mmfuzz.model.owners import Folio
from mmfuzz.profiles import Profile
from mmfuzz.violation import Term, Violation


def check_era(folio: Folio, rules: Profile) -> None:
    """Raise the `Violation` that a folio amounts to where its state came with a later kernel."""
    if not folio.order or folio.dax:
        return
    if folio.slot is not None and not (rules.shmem_swap_huge if folio.of_file else rules.swap_huge):
        raise _too_early(folio, "it is in the swap cache whole")
    if folio.file is not None and not (rules.file_huge or rules.large_cache):
        raise _too_early(folio, "it is large, and in a page cache")
    if folio.batches and not rules.huge_batches:
        raise _too_early(folio, "it is large, and in an LRU batch")


def _too_early(folio: Folio, what: str) -> Violation:
    return Violation(
        "outcome",
        f"no kernel of this era has a folio like this: {what}",
        folio=folio_name(folio),
        terms=[Term("order", 0, folio.order, owners(folio))],
    )
