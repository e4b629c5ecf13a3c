mmfuzz 1
kernel: 6.18
expect: pass
note: a pinned page is not put into the swap cache, whoever else would let it go

alloc p0 a0 order2
fault p0 a0.0+4 write
pin p0 a0.1 write h0
swap_out p0 a0
fault p0 a0.1 write
dma h0 read
unpin h0
swap_out p0 a0
