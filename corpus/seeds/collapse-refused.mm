mmfuzz 1
kernel: 6.18
expect: pass
note: a pinned page forbids the collapse

alloc p0 a0 base
fault p0 a0 write
pin p0 a0.1 write h0
collapse p0 a0
dma h0 write
fault p0 a0 read
unpin h0
collapse p0 a0
fault p0 a0 read
