"""Splitting a folio into base pages: refuse, unmap, freeze, rebuild, unfreeze, map again."""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.fork import Fork
from mmfuzz.kernel.mm import AnonVma, MigrationPte, Mm, Pte, Vma
from mmfuzz.kernel.page import Folio, Page
from mmfuzz.observation import ZERO

EAGAIN = "EAGAIN"


class Split(Fork):
    """split_huge_page(). The caller holds one reference, which stays with the page that it asked for."""

    split_uses_zero_page = True
    """The shared zero page takes the place of zero-filled pages (b1f202060afe, v6.12)."""

    def split_folio(self, folio: Folio, keep: Page) -> str:
        """Split a locked folio; the caller's reference and lock end on `keep`. An errno name when it was refused."""
        self.release_private(folio)
        mapping = folio.mapping
        if type(mapping) is AnonVma:
            self.down_write(mapping)
        error, pages = self.split_unlocked(folio)
        if type(mapping) is AnonVma:
            self.up_write(mapping)
        for page in pages:
            if page is not keep:
                self.folio_unlock(page)
                self.free_swap_cache(page)
                self.folio_put(page)
        return error

    def split_unlocked(self, folio: Folio) -> tuple[str, list[Page]]:
        """Unmap, freeze and rebuild a folio that nobody maps or unmaps meanwhile: why not, and its pieces."""
        if not self.can_split_folio(folio):
            return EAGAIN, []
        self.unmap_folio(folio)
        # Who looks folios up in a cache, without a lock, waits for these when it finds one without references.
        file, cached = folio.mapping, folio.swapcache
        guarded = self.swap_cache if cached else file if type(file) is File else None
        if guarded is not None:
            self.spin_lock(guarded)
        frozen = not self.folio_mapped(folio) and self.ref_freeze(folio, self.split_frozen_refs(folio))
        pages = self.rebuild(folio) if frozen else []
        if guarded is not None:
            self.spin_unlock(guarded)
        if not pages:
            self.remap(folio, folio.pages, folio.pages)
            return EAGAIN, []
        self.drop_beyond_eof(pages)
        self.remap(folio, pages, pages, use_zero_page=self.split_uses_zero_page)
        return "", pages

    def can_split_folio(self, folio: Folio) -> bool:
        """The first look: d77a28e053ae made it folio_expected_ref_count() in v6.18."""
        return self.expected_ref_count(folio) == folio._refcount - 1

    def split_frozen_refs(self, folio: Folio) -> int:
        """What is left once everything is unmapped: the caller and the swap cache."""
        return 1 + self.cache_refs(folio)

    def unmap_folio(self, folio: Folio) -> None:
        """Replace every mapping by migration entries; PMD mappings are split, and stay so. A file's just go."""
        if type(folio.mapping) is File:
            self.unmap_file_folio(folio)
            return
        self.split_pmds(folio)
        self.unmap_ptes(folio)

    def split_pmds(self, folio: Folio) -> None:
        """Split every PMD that maps a folio; with the lock of its reverse map."""
        for mm, vma in self.rmap_walk(folio):
            pmd = vma.pmd
            if type(pmd) is Pte and pmd.page is folio:
                self.split_huge_pmd(mm, vma)

    def unmap_file_folio(self, folio: Folio) -> None:
        """try_to_unmap() for pages of a file: whoever needs one has it back by a fault."""
        mapping = self.rmap_lock(folio)
        for mm, vma in self.rmap_walk(folio):
            pmd = vma.pmd
            if type(pmd) is Pte and pmd.page is folio:
                self.unmap_huge_file(mm, vma)
            if not self.pte_offset_map_lock(vma):
                continue
            pages = self.ptes_mapping(folio, vma)
            for page in pages:
                self.set_pte(mm, vma, page, None)
            if pages:
                self.folio_remove_rmap_ptes(folio, [folio.pages[page - folio.index] for page in pages], mm)
                self.unmapped_file(mm, folio, len(pages))
                self.folio_put(folio, len(pages))
            self.spin_unlock(vma)
        self.rmap_unlock(mapping)

    def unmap_ptes(self, folio: Folio) -> None:
        """try_to_migrate(): migration entries in the place of PTEs, until one is of a page that may be pinned.

        With the page lock and the lock of the reverse map.
        """
        for mm, vma in self.rmap_walk(folio):
            if not self.pte_offset_map_lock(vma):
                continue
            pages: list[Page] = []
            numbers = self.ptes_mapping(folio, vma)
            for number in numbers:
                page = self.unmap_for_migration(folio, mm, vma, number)
                if page is None:
                    break
                pages.append(page)
            if pages:
                self.folio_remove_rmap_ptes(folio, pages, mm)
                self.folio_put(folio, len(pages))
            self.spin_unlock(vma)
            if len(pages) < len(numbers):
                return

    def unmap_for_migration(self, folio: Folio, mm: Mm, vma: Vma, number: int) -> Page | None:
        """One PTE to a migration entry; None, and the PTE is what it was, for an exclusive page that may be pinned."""
        entry = vma.ptes[number]
        assert type(entry) is Pte
        page = entry.page
        vma.ptes[number] = None
        exclusive = page.anon_exclusive
        if exclusive and not self.folio_try_share_anon_rmap(folio, page):
            vma.ptes[number] = entry
            return None
        self.set_pte(mm, vma, number, MigrationPte(page, entry.writable, exclusive))
        return page

    def rebuild(self, folio: Folio) -> list[Page]:
        """__split_unmapped_folio(): every page a folio of its own, with its share of the swap cache; the head last."""
        pages = folio.pages
        for page in pages:
            self.touched[page] = None
            self.made[page] = None
        folio.partially_mapped = False
        for page in pages[1:]:
            self.split_tail(folio, page)
        folio.order = 0
        folio.pages = [folio]
        self.lruvec_add_folio(folio)
        self.ref_unfreeze(folio, self.piece_refs(folio))
        return pages

    def split_tail(self, folio: Folio, page: Page) -> None:
        """__split_huge_page_tail(): what a piece is must be seen before it is one, and that before it can be got.

        173d9d9fd3dd ("mm/huge_memory: splitting set mapping+index before unfreeze", v4.20).
        """
        self.fill_tail(folio, page)
        self.smp_wmb()
        self.clear_compound_head(page)
        self.folio_lock(page)
        self.lruvec_add_folio(page)
        self.ref_unfreeze(page, self.piece_refs(page))

    def fill_tail(self, folio: Folio, page: Page) -> None:
        """What a tail has of its head from now on."""
        number = page.number
        page.mapping = folio.mapping
        page.index = folio.index + number
        page.swapcache = cached = folio.swapcache
        page.dirty = folio.dirty
        page.uptodate = folio.uptodate
        if cached:
            page.swap = folio.swap + number

    def clear_compound_head(self, page: Page) -> None:
        """A tail is a page of its own."""
        page.pages = [page]
        page.number = 0
        page.head = page

    def piece_refs(self, page: Page) -> int:
        """A piece begins with the caller's reference and, if it is cached, the swap cache's."""
        return 1 + self.cache_refs(page)

    def remap(
        self, folio: Folio, sources: list[Page], targets: list[Page], *, use_zero_page: bool = False
    ) -> None:
        """remove_migration_ptes(): entries that stand for `sources` map `targets`; with the lock of the reverse map.

        It looks wherever `folio` may be mapped, as fork may have copied entries meanwhile.
        """
        first = folio.index
        for mm, vma in self.rmap_walk(folio):
            if not self.pte_offset_map_lock(vma):
                continue
            for offset, source in enumerate(sources):
                entry = vma.ptes[first + offset]
                if type(entry) is not MigrationPte or entry.page is not source:
                    continue
                target = targets[offset]
                if use_zero_page and not target.content and not target.head.swapcache:
                    self.set_pte(mm, vma, first + offset, ZERO)
                else:
                    self.remove_migration_pte(mm, vma, first + offset, entry, target)
            self.spin_unlock(vma)

    def remove_migration_pte(self, mm: Mm, vma: Vma, number: int, entry: MigrationPte, page: Page) -> None:
        """Map a page where a migration entry stood."""
        self.folio_get(page.head)
        if entry.exclusive:
            self.set_exclusive(page)
        if type(page.head.mapping) is File:
            self.folio_add_file_rmap_ptes(page.head, (page,), mm)
        else:
            self.folio_add_anon_rmap_ptes(page.head, (page,), mm)
        self.set_pte(mm, vma, number, Pte(page, entry.writable))

    def split_mapped_page(self, vma: Vma, number: int) -> str:
        """What a caller does that found the folio through a page table: EINVAL where it is not mapped any more."""
        self.lru_add_drain()
        page = self.follow_get(vma, number)
        return self.try_split(page) if page is not None else "EINVAL"

    def follow_get(self, vma: Vma, number: int) -> Page | None:
        """The page that an address maps, with a reference that is taken while the page table cannot change."""
        self.pmd_lock(vma)
        page = self.follow(vma, number)
        if page is not None:
            self.split_get(page)
        self.spin_unlock(vma)
        return page

    def split_get(self, page: Page) -> None:
        """The reference that a split is asked for with."""
        self.get_page(page)

    def try_split(self, page: Page) -> str:
        """Split the folio of a page with the caller's reference, which is dropped."""
        if not self.folio_trylock(page.head):
            return self.split_bails_out(page)
        error = self.split_folio(page.head, page) if page.head.order else ""
        self.folio_unlock(page.head)
        self.zap_put(page.head, 1)
        return error

    def split_bails_out(self, page: Page) -> str:
        """Nothing was done, and the caller's reference goes all the same."""
        self.zap_put(page.head, 1)
        return EAGAIN
