mmfuzz 1
kernel: 6.18
expect: pass
note: what was private when it was swapped out first, and shared in between, does not move
frames: 1024
huge: 3

alloc p0 a0 base
alloc p0 a1 base
fault p0 a0.0 write
swap_out p0 a0.0
fault p0 a0.0 read
fork p0 p1
swap_out p0 a0.0
move p0 a0.0 a1.0
