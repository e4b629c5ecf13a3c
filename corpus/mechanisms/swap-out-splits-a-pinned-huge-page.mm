mmfuzz 1
kernel: 3.2
expect: pass
note: a huge page that is pinned is split to be swapped out, and only the pinned pages stay
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0 write
pin p0 a0.2 write h0
get p0 a0.5 read h1
swap_out p0 a0
swap_out p0 a0
swap_in p0 a0
dma h0 read
put h1
unpin h0
