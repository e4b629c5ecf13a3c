mmfuzz 1
kernel: 6.18
expect: pass
note: a pinned page stays in memory

alloc p0 a0 base
fault p0 a0.0 write
pin p0 a0.0 write h0
swap_out p0 a0.0
dma h0 write
fault p0 a0.0 read
unpin h0
drain
swap_out p0 a0.0
fault p0 a0.0 read
