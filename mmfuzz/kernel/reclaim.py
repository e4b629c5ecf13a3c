"""Reclaim: mapped folios to the swap cache, cached ones out of memory."""

from __future__ import annotations

from mmfuzz.kernel.daxtruncate import DaxTruncate
from mmfuzz.kernel.file import File
from mmfuzz.kernel.mm import Mm, Pte, SwapPte, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.observation import TABLE


class Reclaim(DaxTruncate):
    """reclaim_pages() over the folios that a range refers to."""

    def swap_out_range(self, vma: Vma, span: range) -> None:
        """Reclaim each folio of a range once; with the mmap_lock."""
        self.lru_add_drain_all()
        for folio in self.folios_in(vma, span, cached=True):
            isolated = folio.head is folio and self.folio_isolate_lru(folio)
            self.folio_put(folio)
            if isolated:
                self.shrink_folio(folio)

    def folios_in(self, vma: Vma, span: range, *, cached: bool = False) -> list[Folio]:
        """The folios that a range maps, with `cached` also those its swap entries have in the swap cache, each once.

        Of a file it is all that the page cache, or the swap cache, holds of the range, mapped or not, as well. Each
        comes with a reference.
        """
        found: dict[Folio, None] = {}
        file = vma.file
        if file is not None and file.pgmap is None:
            found = dict.fromkeys(self.find_get_folios(file, span))
        self.spin_lock(vma)
        pmd = vma.pmd
        if type(pmd) is Pte and pmd.page not in found:
            self.folio_get(pmd.page)
            found[pmd.page] = None
        for page in span if pmd is TABLE else ():
            entry = vma.ptes[page]
            folio = None
            if type(entry) is Pte and entry.page.head.pgmap is None:
                folio = entry.page.head
                self.folio_get(folio)
            elif cached and type(entry) is SwapPte:
                there = self.swap_cache_get(entry.slot)
                folio = there.head if there is not None else None
            if folio in found:
                self.folio_put(folio)
            elif folio is not None:
                found[folio] = None
        self.spin_unlock(vma)
        return list(found)

    def shrink_file_folio(self, folio: Folio) -> None:
        """A folio of a file: unmapped, written if need be, and dropped."""
        file = folio.mapping
        assert type(file) is File
        self.unmap_file_folio(folio)
        if self.is_freeable(folio) or not (folio.dirty or file.shmem):
            self.page_out(file, folio)

    def file_reclaim_splits(self, file: File, folio: Folio) -> bool:
        """Whether a folio goes in pieces: one that reaches behind the end of its file."""
        return folio.order > 0 and folio.index + len(folio.pages) > file.size

    def page_out(self, file: File, folio: Folio) -> None:
        """To swap, or to disk where it is dirty; what is clean leaves the page cache."""
        if file.shmem:
            self.shmem_writeout(file, folio)
            return
        if folio.dirty:
            self.write_file_folio(file, folio)
        self.release_private(folio)
        self.spin_lock(file)
        expected = 1 + self.cache_refs(folio)
        if self.ref_freeze(folio, expected):
            dirty = folio.dirty
            if not dirty:
                self.uncache_file(folio)
            self.ref_unfreeze(folio, expected if dirty else 1)
        self.spin_unlock(file)

    def is_freeable(self, folio: Folio) -> bool:
        """is_page_cache_freeable(): nothing but the caches and the caller refers to the folio."""
        return folio._refcount == 1 + self.cache_refs(folio)

    def write_file_folio(self, file: File, folio: Folio) -> None:
        """Write a folio to disk; it is clean then."""
        for page in folio.pages:
            file.disk[folio.index + page.number] = page.content
            self.written.append((file, folio.index + page.number, page.content))
        folio.dirty = False

    def shrink_folio(self, folio: Folio) -> None:
        """shrink_folio_list() for one isolated folio."""
        if not self.folio_trylock(folio):
            self.folio_putback_lru(folio)
            return
        if self.reclaim_splits_now(folio):
            self.split_for_reclaim(folio)
            return
        if type(folio.mapping) is File:
            self.shrink_file_folio(folio)
        else:
            self.shrink_anon_folio(folio)
        self.folio_unlock(folio)
        self.folio_putback_lru(folio)

    def reclaim_splits_now(self, folio: Folio) -> bool:
        """Whether a locked folio is split, and its pieces are left to another pass."""
        file = folio.mapping
        if type(file) is File:
            return self.file_reclaim_splits(file, folio)
        return self.folio_mapped(folio) and self.reclaim_allows(folio) and self.reclaim_splits(folio)

    def shrink_anon_folio(self, folio: Folio) -> None:
        """A folio that nobody maps leaves memory; one that somebody does goes to the swap cache."""
        if not self.folio_mapped(folio):
            if folio.swapcache and folio.dirty:
                self.write_out(folio)
            self.remove_mapping(folio)
        elif self.reclaim_allows(folio) and (folio.swapcache or self.add_to_swap(folio)):
            mapping = self.rmap_lock(folio)
            self.try_to_unmap(folio)
            self.rmap_unlock(mapping)
            if folio.dirty and not self.folio_mapped(folio):
                self.write_out(folio)
                self.written_out(folio)

    def written_out(self, folio: Folio) -> None:
        """A disk takes its time: the folio stays in the swap cache until reclaim comes by again."""

    def reclaim_allows(self, folio: Folio) -> bool:
        """feb889fb40fa ("mm: don't put pinned pages into the swap cache", v5.11)."""
        return not self.maybe_dma_pinned(folio)

    def reclaim_splits(self, folio: Folio) -> bool:
        """Whether a folio is split before it is swapped out."""
        return folio.partially_mapped

    def split_for_reclaim(self, folio: Folio) -> None:
        """A partially mapped folio is split, so that its unmapped pages go at once; the others a pass later."""
        self.split_folio(folio, folio)
        self.folio_unlock(folio)
        self.lruvec_add_folio(folio)
        self.zap_put(folio, 1)

    def try_to_unmap(self, folio: Folio) -> None:
        """Replace the mappings by swap entries, as far as the pages may be shared with the swap cache.

        With the page lock and the lock of the reverse map.
        """
        self.split_pmds(folio)
        for mm, vma in self.rmap_walk(folio):
            if not self.pte_offset_map_lock(vma):
                continue
            done = all(self.unmap_one(folio, mm, vma, number) for number in self.ptes_mapping(folio, vma))
            self.spin_unlock(vma)
            if not done:
                return

    def unmap_one(self, folio: Folio, mm: Mm, vma: Vma, number: int) -> bool:
        """One PTE to a swap entry; false, and the PTE is what it was, for an exclusive page that may be pinned."""
        entry = vma.ptes[number]
        assert type(entry) is Pte
        page = entry.page
        slot = folio.swap + page.number
        vma.ptes[number] = None
        self.swap_duplicate(slot)
        exclusive = page.anon_exclusive
        if exclusive and not self.folio_try_share_anon_rmap(folio, page):
            self.swap_free(slot)
            vma.ptes[number] = entry
            return False
        self.set_pte(mm, vma, number, SwapPte(slot, exclusive))
        self.folio_remove_rmap_ptes(folio, (page,), mm)
        self.folio_put(folio)
        return True

    def remove_mapping(self, folio: Folio) -> bool:
        """__remove_mapping(): a cached folio that nobody maps leaves memory, unless somebody holds it.

        Who held it may have written to it before: it is looked at once more when nobody does.
        """
        if not folio.swapcache or folio.dirty:
            return False
        held = 1 + len(folio.pages)
        self.spin_lock(self.swap_cache)
        frozen = self.ref_freeze(folio, held)
        removed = frozen and not folio.dirty
        if removed:
            self.uncache(folio)
        if frozen:
            self.ref_unfreeze(folio, 1 if removed else held)
        self.spin_unlock(self.swap_cache)
        return removed
