mmfuzz 1
kernel: 6.18
plant: move-forgets-swap-cache
expect: fail assertion
note: UFFDIO_MOVE takes a swap entry along, and not the page that the swap cache still has for it
frames: 1024
huge: 3

alloc p0 a0 base
alloc p0 a1 base
fault p0 a0.0 write
swap_out p0 a0.0
move p0 a0.0 a1.0
fault p0 a1.0 read
