mmfuzz 1
kernel: 6.18
expect: pass
note: what an ended process pinned stays until it is unpinned

alloc p0 a0 base
fault p0 a0.0+2 write
fork p0 p1
fault p1 a0.1 write
pin p1 a0.0+2 write h2
exit p1
dma h2 write
dma h2 read
fault p0 a0 read
unpin h2
