mmfuzz 1
kernel: 6.18
expect: pass
note: a pin to read of a shared page gets a copy of its own first

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
pin p1 a0.0 read h0
fault p1 a0.0 write
dma h0 read
fault p0 a0.0 read
unpin h0
