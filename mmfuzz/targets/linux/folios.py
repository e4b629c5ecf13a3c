"""`struct page` and `struct folio`, decoded by the members that this kernel has.

Every offset comes from BTF, newest spelling first. A folio is read from its head on; the members of its
second and third page count on from there, as `struct folio` does. A counter that the kernel does not have
stays None.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from mmfuzz.errors import TargetUnavailable
from mmfuzz.observation import Counters
from mmfuzz.targets.linux.bpf import KernelMemory
from mmfuzz.targets.linux.btf import Btf, Field

MAPPING_ANON: Final = 1
MAPPING_KINDS: Final = 3
"""The bits of `mapping` that tell anonymous folios from others."""
_DECODED_MAX = 256
_IS_TAIL = (1).__and__
"""Of the word that holds a tail's link to its head; elsewhere that word is even."""
_ADDRESS_MASKS_FROM: Final = 0xFFFF_FFFF_0000_0000
"""A tail's word is its head's address, or from 7.0 on a mask that leads to it; masks are above this."""


class PageState(NamedTuple):
    """The head page of a folio as read: the members in the order in which they lie there."""

    flags: int
    link: int
    mapping: int
    place: int
    """`folio->index`: the virtual page number, for our mappings."""
    private: int
    """Of a folio in the swap cache: its first swap entry."""
    mapcount: int
    """As it is: counts from -1."""
    refcount: int


_page_state: Callable[[tuple[int, ...]], PageState] = functools.partial(tuple.__new__, PageState)
"""`PageState._make` without its check of the length, which costs more than all the rest."""


class Survey(NamedTuple):
    """Folios by head frame."""

    states: dict[int, PageState]
    orders: dict[int, int]
    """Of the large ones."""


class _Pages:
    """Offsets in one `struct page`, and a way to unpack many at once."""

    def __init__(self, btf: Btf) -> None:
        page, folio = btf.members("page"), btf.members("folio")
        self.size = btf.sizeof("page")
        both = {**folio, **page}

        def at(*names: str) -> int:
            for name in names:
                if name in both:
                    return both[name].offset
            raise TargetUnavailable(f"this kernel's struct page has none of {', '.join(names)}")

        self.link = at("compound_info", "compound_head")
        self.mapcount = at("_mapcount")
        self.flags = at("flags")
        self.mapping = at("mapping")
        members = {
            self.flags: "Q",
            self.link: "Q",
            self.mapping: "Q",
            at("index", "__folio_index"): "Q",
            at("private"): "Q",
            self.mapcount: "i",
            at("_refcount"): "i",
        }
        text, end = "<", 0
        for offset in sorted(members):
            text += f"{offset - end}x{members[offset]}"
            end = offset + struct.calcsize(members[offset])
        self.unpacker = struct.Struct(f"{text}{self.size - end}x")
        if list(members) != sorted(members):
            raise TargetUnavailable("this kernel orders the members of struct page in an unknown way")
        if self.size % 8 or self.mapcount % 4 or self.flags % 8 or self.mapping % 8:
            raise TargetUnavailable(
                f"this kernel's struct page has {self.size} bytes, and members off their grid"
            )


class _Large:
    """Offsets from the head page of what only large folios have; None where this kernel has none."""

    def __init__(self, btf: Btf, size: int) -> None:
        folio, page = btf.members("folio"), btf.members("page")

        def at(names: Sequence[str], second: str = "", third: str = "") -> int | None:
            for name in names:
                if name in folio:
                    return folio[name].offset
            if second in page:
                return size + page[second].offset
            return 2 * size + page[third].offset if third in page else None

        # Before 6.2 these were members of the second and third struct page (cb67f4282bf9).
        self.nr_pages = at(("_nr_pages", "_folio_nr_pages"), "compound_nr")
        self.entire = at(("_entire_mapcount",), "compound_mapcount")
        self.pincount = at(("_pincount",), "compound_pincount", "hpage_pinned_refcount")
        self.nr_pages_mapped = at(("_nr_pages_mapped",))
        self.large = at(("_large_mapcount",))
        self.mm_id = folio.get("_mm_id")
        self.mm_id_mapcount = folio.get("_mm_id_mapcount")
        if self.nr_pages is None:
            raise TargetUnavailable("this kernel's struct folio does not say how many pages it has")


class Folios:
    """Reads folios by frame number."""

    def __init__(self, memory: KernelMemory, btf: Btf) -> None:
        self._memory = memory
        self.pages = _Pages(btf)
        self.large = _Large(btf, self.pages.size)
        bits = btf.enum("pageflags")

        def bit(name: str) -> int:
            return 1 << bits[name] if name in bits else 0

        self.locked, self.writeback = bit("PG_locked"), bit("PG_writeback")
        self.on_lists = bit("PG_lru") | bit("PG_unevictable")
        self.is_head = bit("PG_head")
        self.is_private = bit("PG_private")
        self._swapcache = bit("PG_swapcache") | bit("PG_swapbacked")
        self._exclusive, self._partially_mapped = bit("PG_anon_exclusive"), bit("PG_partially_mapped")
        self.vmemmap = 0
        self._decoded: dict[int, tuple[bytes, Counters]] = {}

    def calibrate(self, page_address: int, frame: int) -> None:
        """Learn where the array of pages begins, from one page whose frame is known."""
        self.vmemmap = page_address - frame * self.pages.size

    def address(self, frame: int) -> int:
        """Kernel address of a frame's `struct page`."""
        return self.vmemmap + frame * self.pages.size

    def _heads(self, frames: Sequence[int], raw: bytes) -> set[int]:
        """Head frames of the given frames, from their raw pages."""
        size = self.pages.size // 8
        links = memoryview(raw).cast("Q")[self.pages.link // 8 :: size].tolist()
        if not any(map(_IS_TAIL, links)):
            return set(frames)
        heads = {frame for frame, link in zip(frames, links, strict=True) if not link & 1}
        tails = {link: frame for frame, link in zip(frames, links, strict=True) if link & 1}
        if any(link >= _ADDRESS_MASKS_FROM for link in tails):
            return heads | {self._head_of(f, link) for f, link in zip(frames, links, strict=True) if link & 1}
        return heads | {self._head_of(frame, link) for link, frame in tails.items()}

    def _head_of(self, frame: int, link: int) -> int:
        head = self.address(frame) & link - 1 if link >= _ADDRESS_MASKS_FROM else link - 1
        return (head - self.vmemmap) // self.pages.size

    def survey(self, frames: Iterable[int]) -> Survey:
        """The folios that these frames belong to, by head frame, whatever they are used for now."""
        wanted = sorted(set(frames))
        if not wanted:
            return Survey({}, {})
        raw = self._gather(wanted)
        heads = sorted(self._heads(wanted, raw))
        if heads != wanted:
            raw = self._gather(heads)
        unpacked = self.pages.unpacker.iter_unpack(raw)
        return self._survey(dict(zip(heads, map(_page_state, unpacked), strict=True)))

    def _gather(self, frames: Sequence[int]) -> bytes:
        vmemmap, size = self.vmemmap, self.pages.size
        return self._memory.gather([vmemmap + frame * size for frame in frames], size)

    def remains(self, head: int, order: int) -> Survey:
        """The anonymous folios that begin among the frames of a folio that is gone."""
        size = self.pages.size
        raw = self._memory.read(self.address(head), size << order)
        words = memoryview(raw).cast("Q")
        links = words[self.pages.link // 8 :: size // 8].tolist()
        mappings = words[self.pages.mapping // 8 :: size // 8].tolist()
        unpack = self.pages.unpacker.unpack_from
        return self._survey(
            {
                head + index: _page_state(unpack(raw, index * size))
                for index, (link, mapping) in enumerate(zip(links, mappings, strict=True))
                if mapping & MAPPING_KINDS == MAPPING_ANON and not link & 1
            }
        )

    def _survey(self, states: dict[int, PageState]) -> Survey:
        is_head = self.is_head
        large = [head for head, state in states.items() if state[0] & is_head and state[-1] > 0]
        return Survey(states, {head: self._order(head) for head in large})

    def _order(self, head: int) -> int:
        nr_pages_at = self.large.nr_pages
        assert nr_pages_at is not None
        raw = self._memory.read(self.address(head) + nr_pages_at, 4)
        return int.from_bytes(raw, "little").bit_length() - 1

    def in_swapcache(self, state: PageState) -> bool:
        """Whether the swap cache holds an anonymous folio. The bit has other uses elsewhere."""
        return state.flags & self._swapcache == self._swapcache and bool(state.mapping & MAPPING_ANON)

    def base_counters(self, head: int, state: PageState) -> Counters:
        """The counters of an anonymous base page: all of them are in the one page that was read."""
        flags, *_, mapcount, refcount = state
        return Counters(
            head,
            0,
            refcount,
            (mapcount + 1,),
            swapcache=flags & self._swapcache == self._swapcache,
            exclusive=(bool(flags & self._exclusive),) if self._exclusive else None,
            private=bool(flags & self.is_private),
        )

    def large_counters(self, head: int, order: int) -> Counters:
        """The counters of a large folio, read now, all its pages in one go."""
        raw = self._memory.read(self.address(head), self.pages.size << order)
        cached = self._decoded.get(head)
        if cached is not None and cached[0] == raw:
            return cached[1]
        counters = self._decode(head, order, raw)
        if len(self._decoded) > _DECODED_MAX:
            self._decoded.clear()
        self._decoded[head] = raw, counters
        return counters

    def _decode(self, head: int, order: int, raw: bytes) -> Counters:
        large, size = self.large, self.pages.size
        state = _page_state(self.pages.unpacker.unpack_from(raw))
        mapcounts = memoryview(raw).cast("i")[self.pages.mapcount // 4 :: size // 4].tolist()
        flags = memoryview(raw).cast("Q")[self.pages.flags // 8 :: size // 8].tolist()
        entire, pincount, total = (
            _word(raw, offset) for offset in (large.entire, large.pincount, large.large)
        )
        slots, shared = self._mm_slots(raw)
        return Counters(
            head=head,
            order=order,
            refcount=state.refcount,
            mapcounts=[count + 1 for count in mapcounts],
            entire=(entire if entire is not None else -1) + 1,
            large=None if total is None else total + 1,
            nr_pages_mapped=_word(raw, large.nr_pages_mapped),
            pincount=pincount,
            mm_slots=slots,
            shared=shared,
            swapcache=self.in_swapcache(state),
            exclusive=[bool(word & self._exclusive) for word in flags] if self._exclusive else None,
            partially_mapped=bool(flags[1] & self._partially_mapped) if self._partially_mapped else None,
            private=bool(state.flags & self.is_private),
        )

    def _mm_slots(self, raw: bytes) -> tuple[tuple[tuple[int, int], tuple[int, int]] | None, bool | None]:
        """The two tracked mms, and the "shared" bit, the topmost of the word (6af8cb80d3a9, 6.15)."""
        ids_at, maps_at = self.large.mm_id, self.large.mm_id_mapcount
        if ids_at is None or maps_at is None:
            return None, None
        first, second = _pair(raw, ids_at)
        maps = [
            count - (1 << 4 * maps_at.size) if count >> 4 * maps_at.size - 1 else count
            for count in _pair(raw, maps_at)
        ]
        width = 4 * ids_at.size
        shared, mask = bool(second >> width - 1), (1 << width - 1) - 1
        ids = first & mask, second & mask
        return (
            (ids[0], maps[0] + 1 if ids[0] else 0),
            (ids[1], maps[1] + 1 if ids[1] else 0),
        ), shared


def _word(raw: bytes, offset: int | None) -> int | None:
    """A signed 32-bit counter, or None where the kernel has none."""
    return None if offset is None else int.from_bytes(raw[offset : offset + 4], "little", signed=True)


def _pair(raw: bytes, field: Field) -> tuple[int, int]:
    """An array of two, of whatever width."""
    half = field.size // 2
    first = raw[field.offset : field.offset + half]
    second = raw[field.offset + half : field.offset + field.size]
    return int.from_bytes(first, "little"), int.from_bytes(second, "little")
