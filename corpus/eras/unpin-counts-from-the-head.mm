mmfuzz 1
kernel: 5.7
plant: unpin-counts-from-the-head
expect: fail identity
note: unpinning pages in the middle of a large folio counts from its head, and leaves the last one pinned
frames: 1024
huge: 3

alloc p0 a0 huge
pin p0 a0.1 write h0
