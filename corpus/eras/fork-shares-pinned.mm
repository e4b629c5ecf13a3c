mmfuzz 1
kernel: 5.9
plant: fork-shares-pinned
expect: fail pin-coherence
found: sim 5.9, the search from seed 1
note: fork shares a pinned page with the child, so that the owner's next write moves to a copy
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 write h0
fork p0 p1
