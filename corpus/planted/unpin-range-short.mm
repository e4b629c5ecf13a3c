mmfuzz 1
kernel: 6.18
plant: unpin-range-short
expect: fail identity
note: unpinning a range of several pages leaves its last page pinned
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0+2 read h0
