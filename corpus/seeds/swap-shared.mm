mmfuzz 1
kernel: 6.18
expect: pass
note: two processes share swap entries, and each reads back the same

alloc p0 a0 base
fault p0 a0.0+2 write
fork p0 p1
swap_out p1 a0.0+2
swap_in p0 a0.0+2
fault p1 a0.0 write
fault p0 a0.0+2 read
exit p1
free_swap p0 a0.0+2
