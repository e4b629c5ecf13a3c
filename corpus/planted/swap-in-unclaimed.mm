mmfuzz 1
kernel: 6.18
swap: zram
plant: swap-in-unclaimed
expect: fail contents
memory: sc
schedule: a16b154a24
found: exploring swap-in-against-swap-in
note: who reads a swap slot past the swap cache does not keep others from doing the same
frames: 1024
huge: 1

alloc p0 a0 base
fault p0 a0.0 write
swap_out p0 a0.0

thread one
fault p0 a0.0 read

thread other
fault p0 a0.0 write
swap_out p0 a0.0
