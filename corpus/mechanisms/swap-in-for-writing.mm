mmfuzz 1
kernel: 6.18
expect: pass
note: the only user of a swapped page writes to it without a copy

alloc p0 a0 base
fault p0 a0.0 write
swap_out p0 a0.0
fault p0 a0.0 write
pin p0 a0.0 write h0
dma h0 read
