mmfuzz 1
kernel: 6.18
expect: pass
note: a page that could not be read stays in the swap cache, unmapped, until reclaim takes it
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
drain
swap_out p0 a0.0
swap_out p0 a0.0
fork p0 p1
fail io
fault p0 a0.0 read
fault p1 a0.0 read
swap_out p0 a0.0
fault p1 a0.0 write
