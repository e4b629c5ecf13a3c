mmfuzz 1
kernel: 6.18
plant: reuse-ignores-swap-cache
expect: fail isolation
note: a write fault reuses a page that is in the swap cache, where swap entries of others still refer to it
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
swap_out p0 a0.0
fault p0 a0.0 write
