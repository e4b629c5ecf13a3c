mmfuzz 1
kernel: 6.18
expect: pass
note: a device and the process that pinned see the same page, also after fork and writes

alloc p0 a0 base
fault p0 a0.0+2 write
pin p0 a0.0+2 write h0
dma h0 write
fault p0 a0.0+2 read
fork p0 p1
fault p0 a0.0+2 write
dma h0 read
fault p1 a0.0+2 read
unpin h0
