mmfuzz 1
kernel: 3.2
plant: tail-count-not-zero
expect: fail identity
found: sim 3.2, the search from seed 1
note: the tails of a fresh compound page begin with a count that is not zero
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 read
