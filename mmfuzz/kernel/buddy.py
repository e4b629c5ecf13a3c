"""The buddy allocator: blocks of a power of two, split to allocate, merged with their buddies when freed."""

from __future__ import annotations

ORDER_MAX = 10
"""The largest block, MAX_PAGE_ORDER."""


class Buddy:
    """Numbers 0 to `size - 1`, handed out in aligned blocks. It serves frames, and swap slots as well."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.nr_free = size
        self.order_max = min(ORDER_MAX, size.bit_length() - 1)
        self.free_lists: list[dict[int, None]] = [{} for _ in range(self.order_max + 1)]
        """Free blocks of each order by first number; the last one freed is the first one used."""
        for block in range(((size >> self.order_max) - 1) << self.order_max, -1, -(1 << self.order_max)):
            self.free_lists[self.order_max][block] = None

    def alloc(self, order: int) -> int | None:
        """The first number of a block of `1 << order`, or None when there is none that large."""
        free_lists = self.free_lists
        for have in range(order, self.order_max + 1):
            if free_lists[have]:
                block, _ = free_lists[have].popitem()
                while have > order:
                    have -= 1
                    free_lists[have][block + (1 << have)] = None
                self.nr_free -= 1 << order
                return block
        return None

    def free(self, block: int, order: int) -> None:
        """Give a block back, merged with its buddy as long as that is free too."""
        self.nr_free += 1 << order
        free_lists = self.free_lists
        while order < self.order_max:
            buddy = block ^ (1 << order)
            if buddy not in free_lists[order]:
                break
            del free_lists[order][buddy]
            block &= buddy
            order += 1
        free_lists[order][block] = None

    def blocks(self) -> list[tuple[int, int]]:
        """(first number, order) of each free block."""
        return [(block, order) for order, blocks in enumerate(self.free_lists) for block in blocks]
