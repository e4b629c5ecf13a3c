mmfuzz 1
kernel: 6.18
huge: 1
memory: weak
note: a pin without locks, while reclaim takes the exclusive flag from a page that may not be pinned (088b8aa537c2, v6.1)

alloc p0 a0 base
fault p0 a0.0 write
drain

thread pin
pin_fast p0 a0.0 read h0

thread reclaim
swap_out p0 a0.0
