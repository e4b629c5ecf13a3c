mmfuzz 1
kernel: 6.18
expect: pass
note: fork copies swap entries; who writes first gets a page of its own

alloc p0 a0 base
fault p0 a0.0 write
swap_out p0 a0.0
swap_out p0 a0.0
fork p0 p1
fault p1 a0.0 write
fault p0 a0.0 read
fault p0 a0.0 write
fault p1 a0.0 read
