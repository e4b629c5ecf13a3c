mmfuzz 1
kernel: 6.18
swap: zram
expect: pass
note: the last entry of a slot is read past the swap cache, the entries of two go through it
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0+2 write
drain
swap_out p0 a0.0+2
fault p0 a0.0 read
fork p0 p1
fault p1 a0.1 write
fault p0 a0.1 read
swap_out p0 a0
fault p1 a0.0 read
exit p1
fault p0 a0.0+2 write
