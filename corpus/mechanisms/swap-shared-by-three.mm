mmfuzz 1
kernel: 6.18
expect: pass
note: each process that forked has entries of its own; the slot goes with the last of them

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
swap_out p0 a0.0
fork p1 p2
exit p0
swap_in p1 a0.0
exit p1
fault p2 a0.0 write
