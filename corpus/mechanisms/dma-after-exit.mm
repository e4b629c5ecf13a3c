mmfuzz 1
kernel: 6.18
expect: pass
note: a device goes on with the page of a process that is gone

alloc p0 a0 base
fork p0 p1
pin p1 a0.0 write h0
exit p1
dma h0 write
dma h0 read
fault p0 a0.0 read
