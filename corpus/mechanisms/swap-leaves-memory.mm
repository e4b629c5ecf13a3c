mmfuzz 1
kernel: 6.18
expect: pass
note: what is swapped out twice leaves memory; it comes back from the slot

alloc p0 a0 order2
fault p0 a0.0+4 write
swap_out p0 a0
swap_out p0 a0
swap_in p0 a0.1
fault p0 a0.0+4 read
