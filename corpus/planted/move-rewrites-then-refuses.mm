mmfuzz 1
kernel: 6.18
plant: move-rewrites-then-refuses
expect: fail rmap
note: UFFDIO_MOVE gives a page its new place in the reverse map before it finds the page pinned and stops
frames: 1024
huge: 3

alloc p0 a0 base
alloc p0 a1 base
pin p0 a0.0 read h0
move p0 a0.0 a1.0
