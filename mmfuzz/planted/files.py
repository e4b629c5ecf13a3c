"""Planted bugs about files: the page cache on its way through swap, migration and truncation."""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.kernel import Kernel
from mmfuzz.kernel.page import Folio
from mmfuzz.planted.catalogue import bug


def is_shmem_in_swap(folio: Folio) -> bool:
    """In the swap cache, and no anonymous memory: shmem gives its mapping up on the way out."""
    return folio.swapcache and folio.mapping is None


@bug(
    "shmem-migrate-one-ref",
    "identity",
    summary="migrating a large shmem folio in the swap cache moves one reference where the cache holds one a page",
    reached="swap out a huge page of a file, and migrate it while it is in the swap cache",
    fix='60cf233b585c ("mm/migrate: fix shmem xarray update during migration", v6.14)',
    since="6.12",
    because="large shmem folios go to swap whole since 809bc86517cc (v6.12)",
)
class ShmemMigrateOneRef(Kernel):
    """folio_migrate_mapping() that takes a shmem folio for one that has a single entry."""

    def move_mapping(self, folio: Folio, fresh: Folio) -> bool:
        """The new folio is left with the reference of one entry."""
        shmem = is_shmem_in_swap(folio)
        moved = super().move_mapping(folio, fresh)
        if moved and shmem and fresh.order:
            self.folio_put(fresh, len(fresh.pages) - 1)
        return moved


@bug(
    "shmem-swapcache-uncounted",
    "refusal",
    summary="the references of the swap cache are expected of anonymous folios alone, so shmem there never migrates",
    reached="swap out a page of a memfd, and migrate it while it is in the swap cache",
    fix='f183663901f2 ("mm: consider non-anon swap cache folios in folio_expected_ref_count()", v6.19)',
    since="6.18",
    because="migration asks folio_expected_ref_count() since v6.16",
)
class ShmemSwapcacheUncounted(Kernel):
    """folio_expected_ref_count() that looks at the swap cache only after folio_test_anon()."""

    def cache_refs(self, folio: Folio) -> int:
        """Nothing for shmem."""
        return 0 if is_shmem_in_swap(folio) else super().cache_refs(folio)


@bug(
    "truncate-leaves-mapped",
    "page-cache",
    summary="what is cut off leaves the page cache, and the mappings of it stay",
    reached="map a file, fault a page in, and truncate the file",
)
class TruncateLeavesMapped(Kernel):
    """truncate_pagecache() without unmap_mapping_range()."""

    def unmap_mapping_range(self, file: File, span: range, *, even_cows: bool) -> None:
        """Nothing is unmapped."""


@bug(
    "reclaim-drops-dirty",
    "contents",
    summary="reclaim drops a dirty page of a file without having written it",
    reached="write to a file on disk, reclaim the page and read it",
)
class ReclaimDropsDirty(Kernel):
    """shrink_folio_list() that takes the page for clean."""

    def write_file_folio(self, file: File, folio: Folio) -> None:
        """Nothing is written."""
        folio.dirty = False
