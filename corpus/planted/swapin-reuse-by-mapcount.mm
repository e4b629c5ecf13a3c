mmfuzz 1
kernel: 6.18
plant: swapin-reuse-by-mapcount
expect: fail isolation
note: a write that swaps a page in keeps it where nobody maps it, although a get of another process refers to it
frames: 1024
huge: 3

alloc p0 a0 base
get p0 a0.0 write h0
fork p0 p1
swap_out p0 a0.0
fault p0 a0.0 write
fault p1 a0.0 write
