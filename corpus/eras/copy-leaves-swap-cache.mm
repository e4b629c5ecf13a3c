mmfuzz 1
kernel: 5.9
plant: copy-leaves-swap-cache
expect: fail leak
note: a write fault copies a page and leaves the old one in the swap cache, where nothing needs it
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
swap_out p0 a0.0
fault p0 a0.0 read
fault p0 a0.0 write
