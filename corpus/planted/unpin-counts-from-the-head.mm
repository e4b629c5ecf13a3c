mmfuzz 1
kernel: 6.18
plant: unpin-counts-from-the-head
expect: fail identity
note: unpinning pages in the middle of a large folio counts from its head, and leaves the last one pinned
frames: 1024
huge: 3

alloc p0 a0 order2
pin p0 a0.1 write h0
