mmfuzz 1
kernel: 6.18
expect: pass
note: a pinned page stays where it is; the others of the range move

alloc p0 a0 base
fault p0 a0.0+2 write
pin p0 a0.0 write h0
migrate p0 a0.0+2
dma h0 write
fault p0 a0.0+2 read
unpin h0
migrate p0 a0.0
