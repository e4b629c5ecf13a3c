mmfuzz 1
kernel: 6.18
expect: pass
note: fork splits the map of a pinned huge page, and the child gets copies

alloc p0 a0 huge
pin p0 a0.2 write h0
fork p0 p1
fault p0 a0.2 write
dma h0 read
fault p1 a0.2 read
