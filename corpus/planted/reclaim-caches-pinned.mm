mmfuzz 1
kernel: 6.18
plant: reclaim-caches-pinned
expect: fail refusal
note: reclaim puts a page into the swap cache although it is pinned
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 read h0
swap_out p0 a0.0
