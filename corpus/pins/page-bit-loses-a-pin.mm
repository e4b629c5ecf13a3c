mmfuzz 1
kernel: 6.18
pins: page-bit
expect: fail pincount
note: the put of the LRU batch that drains at the end clears the flag of a page that is pinned
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 read h0
