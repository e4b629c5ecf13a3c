"""Migration: a folio moves to other frames, unless somebody refers to it beside its mappings and the swap cache."""

from __future__ import annotations

from mmfuzz.kernel.mm import MigrationPte, Mm, Pte, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.kernel.reclaim import Reclaim

WholeMaps = list[tuple[Mm, Vma, bool, bool]]
"""PMD mappings that were removed: (mm, area, writable, exclusive)."""


class Migrate(Reclaim):
    """migrate_pages() over the folios that a range maps."""

    def migrate_range(self, vma: Vma, span: range) -> str:
        """Move each mapped folio of a range; EBUSY when one had to stay, ENOMEM when memory was short."""
        self.lru_add_drain_all()
        error = ""
        for folio in self.folios_in(vma, span):
            if self.folio_isolate_lru(folio):
                error = self.migrate_folio(folio) or error
        return error

    def migrate_folio(self, folio: Folio) -> str:
        """Unmap, compare references, move contents and swap cache, map again. `folio` is isolated."""
        fresh = self.alloc_folio(folio.order)
        if fresh is None:
            self.folio_putback_lru(folio)
            return "ENOMEM"
        whole = self.unmap_whole(folio)
        unmapped = self.unmap_ptes(folio)
        moved = self.move_mapping(folio, fresh)
        target = fresh if moved else folio
        for mm, vma, writable, exclusive in whole:
            self.folio_get(target)
            target.anon_exclusive = target.anon_exclusive or exclusive
            self.folio_add_anon_rmap_pmd(target, mm)
            self.set_pmd(mm, vma, Pte(target, writable))
        for mm, vma, number in unmapped:
            entry = vma.ptes[number]
            assert type(entry) is MigrationPte
            page = target.pages[number - folio.index]
            self.remove_migration_pte(mm, vma, number, entry, page)
        if moved:
            target.lru = True
            self.folio_put(folio)
            self.folio_put(fresh)
            return ""
        self.folio_put(fresh)
        self.folio_putback_lru(folio)
        return "EBUSY"

    def unmap_whole(self, folio: Folio) -> WholeMaps:
        """PMD mappings become PMD migration entries, and come back as PMD mappings."""
        whole: WholeMaps = []
        for mm, vma in self.rmap_walk(folio):
            entry = vma.pmd
            if type(entry) is Pte and entry.page is folio:
                whole.append((mm, vma, entry.writable, folio.anon_exclusive))
                self.folio_remove_rmap_pmd(folio, mm)
                self.folio_put(folio)
        return whole

    def migrate_expected_refs(self, folio: Folio) -> int:
        """What an unmapped folio may have: the isolation's reference and the swap cache's."""
        return 1 + (len(folio.pages) if folio.swapcache else 0)

    def move_mapping(self, folio: Folio, fresh: Folio) -> bool:
        """folio_migrate_mapping(): contents, identity and swap cache go over; false when it must stay."""
        if folio._refcount != self.migrate_expected_refs(folio):
            return False
        fresh.mapping = folio.mapping
        fresh.index = folio.index
        fresh.dirty = folio.dirty
        fresh.partially_mapped = folio.partially_mapped
        for old, new in zip(folio.pages, fresh.pages, strict=True):
            new.content = old.content
        if folio.swapcache:
            slot = folio.swap
            counts = [self.swap_map[slot + page.number] for page in folio.pages]
            for page in folio.pages:
                self.swap_map[slot + page.number] = max(1, counts[page.number])
            self.delete_from_swap_cache(folio)
            for page in folio.pages:
                self.swap_map[slot + page.number] = counts[page.number]
            self.add_to_swap_cache(fresh, slot)
        return True
