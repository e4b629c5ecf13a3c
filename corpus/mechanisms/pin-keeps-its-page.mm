mmfuzz 1
kernel: 6.18
expect: pass
note: a pinned page stays its owner's through fork, so that a device sees the next write

alloc p0 a0 base
pin p0 a0.0 write h0
fork p0 p1
exit p1
fault p0 a0.0 write
dma h0 read
dma h0 write
fault p0 a0.0 read
