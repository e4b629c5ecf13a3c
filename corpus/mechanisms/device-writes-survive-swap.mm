mmfuzz 1
kernel: 6.18
expect: pass
note: swap has a copy of a page that a device then writes to: its driver says so, and the page is written again

alloc p0 a0 base
fault p0 a0.0 write
swap_out p0 a0.0
swap_in p0 a0.0
pin p0 a0.0 write h0
dma h0 write
unpin h0 dirty-lock
swap_out p0 a0.0
swap_out p0 a0.0
swap_in p0 a0.0
