mmfuzz 1
kernel: 2.6.38
plant: unpin-range-short
expect: fail identity
found: sim 2.6.38, the search from seed 1
note: unpinning a range of several pages leaves its last page pinned
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0+2 write h0
