mmfuzz 1
kernel: 6.18
expect: pass
note: a collapse first reads back what is in swap

alloc p0 a0 base
fault p0 a0.0+4 write
swap_out p0 a0.1+2
collapse p0 a0
fault p0 a0 read
