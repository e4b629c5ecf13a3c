mmfuzz 1
kernel: 5.14
plant: reclaim-caches-pinned
expect: fail refusal
note: reclaim puts a page into the swap cache although it is pinned
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
pin p1 a0.0 read h0
fault p1 a0.0 write
swap_out p0 a0.0
