mmfuzz 1
kernel: 6.18
expect: pass
note: a page goes to swap in two passes and comes back with its contents

alloc p0 a0 base
fault p0 a0.0+2 write
drain
swap_out p0 a0.0+2
swap_out p0 a0.0
fault p0 a0.0+2 read
fault p0 a0.0 write
free p0 a0
