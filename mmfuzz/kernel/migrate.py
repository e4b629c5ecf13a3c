"""Migration: a folio moves to other frames, unless somebody refers to it beside its mappings and the swap cache."""

from __future__ import annotations

from mmfuzz.kernel.file import File
from mmfuzz.kernel.mm import MigrationPte, Mm, Pte, Vma
from mmfuzz.kernel.page import Folio
from mmfuzz.kernel.reclaim import Reclaim


class Migrate(Reclaim):
    """migrate_pages() over the folios that a range maps."""

    def migrate_range(self, vma: Vma, span: range) -> str:
        """Move each mapped folio of a range; EBUSY when one had to stay, ENOMEM when memory was short."""
        self.migrate_prep()
        error = ""
        batch: list[tuple[Folio, Folio]] = []
        for folio in self.folios_in(vma, span):
            for piece in self.split_for_migration(folio):
                if not self.isolate_piece(piece, folio):
                    continue
                fresh = self.alloc_folio(piece.order)
                if fresh is None:
                    self.putback_movable(piece)
                    error = "ENOMEM"
                else:
                    batch.append((piece, fresh))
            self.folio_put(folio)
        moved = [self.migrate_folio(folio, fresh) for folio, fresh in batch]
        for (folio, fresh), done in zip(batch, moved, strict=True):
            self.folio_put(fresh)
            if done:
                self.folio_put(folio)
            else:
                error = error or "EBUSY"
                self.putback_movable(folio)
        return error

    def isolate_piece(self, piece: Folio, found: Folio) -> bool:
        """Isolate what was found, with the reference that it was found with, or a piece of that with its own."""
        if piece is found:
            return self.can_migrate(piece) and self.isolate_movable(piece)
        if not piece.ref_add_unless_zero():
            return False
        isolated = self.can_migrate(piece) and self.isolate_movable(piece)
        self.folio_put(piece)
        return isolated

    def migrate_prep(self) -> None:
        """What waits in an LRU batch is referenced by that, and not on the LRU."""
        self.lru_add_drain_all()

    def isolate_movable(self, folio: Folio) -> bool:
        """Take a folio off the LRU for migration, if it is there."""
        return self.folio_isolate_lru(folio)

    def putback_movable(self, folio: Folio) -> None:
        """putback_movable_pages(): what had to stay is back on the LRU, without the isolation's reference."""
        self.folio_putback_lru(folio)

    def can_migrate(self, folio: Folio) -> bool:
        """What anonymous memory maps, and what files have in memory."""
        return self.folio_mapped(folio) or type(folio.mapping) is File or folio.swapcache

    def split_for_migration(self, folio: Folio) -> list[Folio]:
        """A partially mapped folio goes in pieces, or stays: what is to migrate, the folio or its pieces in use.

        7262f208ca68 ("mm/migrate: split source folio if it is on deferred split list", v6.11).
        """
        if not self.migration_splits(folio):
            return [folio]
        pages = folio.pages
        if self.try_split_found(folio):
            return [folio]
        return [page for page in pages if page._refcount and page.head is page]

    def try_split_found(self, folio: Folio) -> str:
        """Split what was found with the reference that it was found with, which stays."""
        if not self.folio_trylock(folio):
            return "EAGAIN"
        error = self.split_folio(folio, folio) if folio.order else ""
        self.folio_unlock(folio)
        return error

    def migration_splits(self, folio: Folio) -> bool:
        """Whether a folio goes in pieces."""
        return folio.partially_mapped

    def migrate_folio(self, folio: Folio, fresh: Folio) -> bool:
        """Unmap, compare references, move contents and swap cache, map again: whether `folio` moved.

        The references that isolation and allocation took stay until the whole batch is done.
        """
        if not self.folio_trylock(folio):
            return False
        self.folio_lock(fresh)
        mapping = self.rmap_lock(folio)
        self.unmap_whole(folio)
        self.unmap_ptes(folio)
        self.rmap_unlock(mapping)
        moved = not self.folio_mapped(folio) and self.move_mapping(folio, fresh)
        target = fresh if moved else folio
        mapping = self.rmap_lock(target)
        self.remap_whole(folio, target)
        self.remap(target, folio.pages, target.pages)
        self.rmap_unlock(mapping)
        self.folio_unlock(fresh)
        self.folio_unlock(folio)
        if moved:
            self.lruvec_add_folio(fresh)
        return moved

    def unmap_whole(self, folio: Folio) -> None:
        """set_pmd_migration_entry(): PMD mappings become PMD migration entries; not of what may be pinned."""
        for mm, vma in self.rmap_walk(folio):
            self.spin_lock(vma)
            entry = vma.pmd
            if type(entry) is Pte and entry.page is folio:
                self.unmap_one_whole(folio, mm, vma, entry)
            self.spin_unlock(vma)

    def unmap_one_whole(self, folio: Folio, mm: Mm, vma: Vma, entry: Pte) -> None:
        """One PMD, with its lock."""
        vma.pmd = None
        exclusive = folio.anon_exclusive
        if exclusive and not self.folio_try_share_anon_rmap(folio, folio):
            vma.pmd = entry
            return
        self.set_pmd(mm, vma, MigrationPte(folio, entry.writable, exclusive))
        self.folio_remove_rmap_pmd(folio, mm)
        self.folio_put(folio)

    def remap_whole(self, folio: Folio, target: Folio) -> None:
        """PMD migration entries come back as PMD mappings, where nobody has split them meanwhile."""
        for mm, vma in self.rmap_walk(target):
            self.spin_lock(vma)
            entry = vma.pmd
            if type(entry) is MigrationPte and entry.page is folio:
                self.folio_get(target)
                if entry.exclusive:
                    self.set_exclusive(target)
                if type(target.mapping) is File:
                    self.folio_add_file_rmap_pmd(target, mm)
                else:
                    self.folio_add_anon_rmap_pmd(target, mm)
                self.set_pmd(mm, vma, Pte(target, entry.writable))
            self.spin_unlock(vma)

    def migrate_expected_refs(self, folio: Folio) -> int:
        """What an unmapped folio may have: the isolation's reference and those of its caches."""
        return 1 + self.cache_refs(folio)

    def move_mapping(self, folio: Folio, fresh: Folio) -> bool:
        """folio_migrate_mapping(): contents, identity and swap cache go over; false when it must stay."""
        if folio._refcount != self.migrate_expected_refs(folio) or not self.copy_pages(folio, fresh):
            return False
        fresh.mapping = folio.mapping
        fresh.index = folio.index
        fresh.dirty = folio.dirty
        fresh.uptodate = folio.uptodate
        fresh.partially_mapped = folio.partially_mapped
        if type(folio.mapping) is File:
            self.move_in_page_cache(folio, fresh)
        return not folio.swapcache or self.move_in_swap_cache(folio, fresh)

    def move_in_swap_cache(self, folio: Folio, fresh: Folio) -> bool:
        """The n entries of the swap cache go over to another folio, with their references; slots stay as they are."""
        slot, refs = folio.swap, self.migrate_expected_refs(folio)
        self.spin_lock(self.swap_cache)
        if not self.ref_freeze(folio, refs):
            self.spin_unlock(self.swap_cache)
            return False
        self.folio_get(fresh, len(fresh.pages))
        fresh.swapcache = True
        fresh.swap = slot
        self.smp_wmb()
        for number, page in enumerate(fresh.pages, slot):
            self.swap_cache[number] = page
            self.cache_moves[number] = None
        folio.swapcache = False
        folio.swap = 0
        self.ref_unfreeze(folio, refs)
        self.spin_unlock(self.swap_cache)
        self.put_cache_refs(folio)
        return True

    def copy_pages(self, folio: Folio, fresh: Folio) -> bool:
        """folio_mc_copy(): the contents of every page, or false before anything has moved."""
        return all(self.copy_page(new, old) for old, new in zip(folio.pages, fresh.pages, strict=True))
