mmfuzz 1
kernel: 6.18
expect: pass
note: a read-only pin of a shared page makes a copy first: what is pinned is exclusive

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
pin p1 a0.0 read h0
fault p1 a0.0 write
dma h0 read
fault p0 a0.0 read
