"""Reverse mapping: the mapcount fields, which processes map a large folio, and who maps a folio at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmfuzz.kernel.file import File
from mmfuzz.kernel.filemap import Filemap
from mmfuzz.kernel.mm import AnonVma, Mm, Pte, PteEntry, Vma
from mmfuzz.kernel.page import ENTIRELY_MAPPED, Folio, Page
from mmfuzz.observation import TABLE


class Rmap(Filemap):
    """Callers raise the refcount before they add a mapping, and drop it after they removed one."""

    def set_exclusive(self, page: Page) -> None:
        """SetPageAnonExclusive(): one mapping has the page to itself."""
        page.anon_exclusive = True

    def folio_try_share_anon_rmap(self, folio: Folio, page: Page) -> bool:
        """folio_try_share_anon_rmap_pte(): a page is nobody's own any more; refused when it may be pinned.

        What maps it was cleared before, so that GUP-fast, which looks at the entry once more when it has its pin,
        either is seen here or sees that: 088b8aa537c2 ("mm: fix PageAnonExclusive clearing racing with concurrent
        RCU GUP-fast", v6.1).
        """
        self.share_barrier()
        if self.maybe_dma_pinned(folio):
            return False
        page.anon_exclusive = False
        self.shared_barrier()
        return True

    def share_barrier(self) -> None:
        """The entry is cleared before the pins are looked at."""
        self.smp_mb()

    def shared_barrier(self) -> None:
        """smp_mb__after_atomic(): PG_anon_exclusive is cleared before the entry that follows is there."""
        self.smp_mb()

    # Adding

    def folio_add_new_anon_rmap(self, folio: Folio, mm: Mm, vma: Vma, index: int) -> None:
        """The first mapping of a fresh folio, of all its pages by PTEs; its pages are exclusive."""
        folio.mapping = self.anon_vma_prepare(mm, vma)
        folio.index = index
        for page in folio.pages:
            self.set_exclusive(page)
        self.folio_set_new_maps(folio, mm)

    def folio_set_new_maps(self, folio: Folio, mm: Mm) -> None:
        """atomic_set(), as nobody else has the folio yet: this is no barrier, where adding to a mapcount is one."""
        if folio.order:
            self.folio_add_anon_rmap_ptes(folio, folio.pages, mm)
        else:
            folio._mapcount = 0
            self.touched[folio] = None

    def folio_add_new_anon_rmap_pmd(self, folio: Folio, mm: Mm, vma: Vma) -> None:
        """The first mapping of a fresh huge folio, by a PMD."""
        folio.mapping = self.anon_vma_prepare(mm, vma)
        folio.index = 0
        self.set_exclusive(folio)
        self.folio_add_anon_rmap_pmd(folio, mm)

    def folio_add_anon_rmap_ptes(self, folio: Folio, pages: Sequence[Page], mm: Mm) -> None:
        """One PTE map more on each of `pages`."""
        self.touched[folio] = None
        if not folio.order:
            folio.mapcount_add_return(1)
            return
        first = 0
        for page in pages:
            if not page.mapcount_add_return(1):
                first += 1
        if first:
            folio.add_return("_nr_pages_mapped", first)
        self.add_large_mapcount(folio, len(pages), mm)

    def folio_add_anon_rmap_pmd(self, folio: Folio, mm: Mm) -> None:
        """One PMD map more."""
        self.touched[folio] = None
        if not folio.add_return("_entire_mapcount", 1):
            folio.add_return("_nr_pages_mapped", ENTIRELY_MAPPED)
        self.add_large_mapcount(folio, 1, mm)

    def folio_add_file_rmap_ptes(self, folio: Folio, pages: Sequence[Page], mm: Mm) -> None:
        """The same for pages of a file."""
        self.folio_add_anon_rmap_ptes(folio, pages, mm)

    def folio_add_file_rmap_pmd(self, folio: Folio, mm: Mm) -> None:
        """The same for a huge page of a file."""
        self.folio_add_anon_rmap_pmd(folio, mm)

    def folio_try_dup_anon_rmap_ptes(
        self, folio: Folio, pages: Sequence[Page], parent: Mm, child: Mm
    ) -> bool:
        """Map a parent's pages in its child, shared from now on; refused when one of them may be pinned."""
        if self.must_copy(parent, folio, pages):
            return False
        for page in pages:
            page.anon_exclusive = False
        self.folio_add_anon_rmap_ptes(folio, pages, child)
        return True

    def folio_try_dup_anon_rmap_pmd(self, folio: Folio, parent: Mm, child: Mm) -> bool:
        """The same for a PMD mapping."""
        if self.must_copy(parent, folio, (folio,)):
            return False
        folio.anon_exclusive = False
        self.folio_add_anon_rmap_pmd(folio, child)
        return True

    def must_copy(self, parent: Mm, folio: Folio, pages: Sequence[Page]) -> bool:
        """Whether a child may not share pages: one of them is exclusive, and may be so because it is pinned."""
        return self.needs_cow_for_dma(parent, folio) and any(page.anon_exclusive for page in pages)

    def needs_cow_for_dma(self, mm: Mm, folio: Folio) -> bool:
        """folio_needs_cow_for_dma(): whether fork must copy what may be pinned."""
        return mm.has_pinned and self.maybe_dma_pinned(folio)

    # Removing

    def folio_remove_rmap_ptes(self, folio: Folio, pages: Sequence[Page], mm: Mm) -> None:
        """One PTE map less on each of `pages`."""
        self.touched[folio] = None
        if not folio.order:
            if folio.mapcount_add_return(-1) < -1:
                raise self.vm_bug_on("VM_WARN_ON_FOLIO(_mapcount < -1)", folio)
            return
        self.sub_large_mapcount(folio, len(pages), mm)
        unmapped = 0
        for page in pages:
            maps = page.mapcount_add_return(-1)
            if maps < 0:
                unmapped += 1
                if maps < -1:
                    raise self.vm_bug_on("VM_WARN_ON_FOLIO(_mapcount < -1)", folio)
        if unmapped and 0 < folio.add_return("_nr_pages_mapped", -unmapped) < ENTIRELY_MAPPED:
            self.deferred_split_folio(folio)

    def folio_remove_rmap_pmd(self, folio: Folio, mm: Mm) -> None:
        """One PMD map less."""
        self.touched[folio] = None
        self.sub_large_mapcount(folio, 1, mm)
        maps = folio.add_return("_entire_mapcount", -1)
        if maps < -1:
            raise self.vm_bug_on("VM_WARN_ON_FOLIO(_entire_mapcount < -1)", folio)
        if maps == -1 and 0 < folio.add_return("_nr_pages_mapped", -ENTIRELY_MAPPED) < len(folio.pages):
            self.deferred_split_folio(folio)

    def deferred_split_folio(self, folio: Folio) -> None:
        """Mark a folio for splitting, as some of its pages are of no use; caches see to theirs themselves."""
        if not folio.swapcache and type(folio.mapping) is not File:
            folio.partially_mapped = True

    # The large mapcount and the two mms that it tracks

    def add_large_mapcount(self, folio: Folio, maps: int, mm: Mm) -> None:
        """folio_add_large_mapcount()."""
        self.bit_spin_lock(folio, "mm_ids_lock")
        folio._large_mapcount = total = folio._large_mapcount + maps
        self.add_mm_id(folio, maps, mm.mm_id, total)
        self.bit_spin_unlock(folio, "mm_ids_lock")

    def add_mm_id(self, folio: Folio, maps: int, mm_id: int, total: int) -> None:
        """Count maps in the slot of an mm, a free one if it has none; with the lock of the slots."""
        if folio.mm_id0 == mm_id:
            folio.mm_maps0 += maps
        elif folio.mm_id1 == mm_id:
            folio.mm_maps1 += maps
        elif not folio.mm_id0:
            folio.mm_id0, folio.mm_maps0 = mm_id, maps
            if total + 1 != maps:
                folio.mm_shared = True
        elif not folio.mm_id1:
            folio.mm_id1, folio.mm_maps1 = mm_id, maps
            folio.mm_shared = True

    def sub_large_mapcount(self, folio: Folio, maps: int, mm: Mm) -> None:
        """folio_sub_large_mapcount(): the shared bit is looked at only when `mm` has no slot afterwards."""
        self.bit_spin_lock(folio, "mm_ids_lock")
        folio._large_mapcount -= maps
        self.sub_mm_id(folio, maps, mm.mm_id)
        self.bit_spin_unlock(folio, "mm_ids_lock")

    def sub_mm_id(self, folio: Folio, maps: int, mm_id: int) -> None:
        """Take maps off the slot of an mm; with the lock of the slots."""
        if folio.mm_id0 == mm_id:
            folio.mm_maps0 -= maps
            if folio.mm_maps0 > 0:
                return
            folio.mm_id0 = folio.mm_maps0 = 0
        elif folio.mm_id1 == mm_id:
            folio.mm_maps1 -= maps
            if folio.mm_maps1 > 0:
                return
            folio.mm_id1 = folio.mm_maps1 = 0
        self.clear_shared(folio)

    def clear_shared(self, folio: Folio) -> None:
        """One tracked mm has all mappings that are left, or there are none: mapped exclusively."""
        total = folio._large_mapcount + 1
        if folio.mm_maps0 == total or folio.mm_maps1 == total:
            folio.mm_shared = False

    def maybe_mapped_shared(self, folio: Folio) -> bool:
        """folio_maybe_mapped_shared()."""
        if not folio.order:
            return folio._mapcount > 0
        return folio._large_mapcount > 0 and folio.mm_shared

    def folio_mapcount(self, folio: Folio) -> int:
        """folio_mapcount(): all maps."""
        return (folio._large_mapcount if folio.order else folio._mapcount) + 1

    def page_mapcount(self, page: Page) -> int:
        """page_mapcount(): maps of one page, by PTEs and by PMDs."""
        return page._mapcount + 1 + page.head._entire_mapcount + 1

    def expected_ref_count(self, folio: Folio) -> int:
        """folio_expected_ref_count(): maps, caches and private data; no pin, no isolation, no caller."""
        return self.folio_mapcount(folio) + self.cache_refs(folio)

    def cache_refs(self, folio: Folio) -> int:
        """What the swap cache, or the page cache and the file system, hold: n for a folio of n pages."""
        if folio.swapcache:
            return len(folio.pages)
        if type(folio.mapping) is File:
            return len(folio.pages) + folio.private
        return 0

    # Walking

    def rmap_walk(self, folio: Folio) -> list[tuple[Mm, Vma]]:
        """Every address space that may map the folio, with the area; with the lock of rmap_lock()."""
        mapping = folio.mapping
        if isinstance(mapping, File):
            return list(mapping.mappers)
        if mapping is None:
            return []
        return [(mm, vma) for mm in mapping.mms for vma in mm.vmas.values() if vma.anon_vma is mapping]

    def rmap_lock(self, folio: Folio) -> AnonVma | File | None:
        """folio_lock_anon_vma_read(), i_mmap_lock_read(): keep who may map a locked folio from coming and going."""
        mapping = folio.mapping
        if mapping is not None:
            self.down_read(mapping)
        return mapping

    def rmap_unlock(self, mapping: AnonVma | File | None) -> None:
        """The end of rmap_lock()."""
        if mapping is not None:
            self.up_read(mapping)

    def ptes_of(self, folio: Folio, vma: Vma) -> Iterator[tuple[int, PteEntry]]:
        """(page, entry) of each PTE that stands where the folio would be mapped in an area."""
        if vma.pmd is TABLE:
            for page in range(folio.index, folio.index + len(folio.pages)):
                yield page, vma.ptes[page]

    def ptes_mapping(self, folio: Folio, vma: Vma) -> list[int]:
        """The pages of an area whose PTEs map the folio."""
        return [
            page
            for page, entry in self.ptes_of(folio, vma)
            if type(entry) is Pte and entry.page.head is folio
        ]
