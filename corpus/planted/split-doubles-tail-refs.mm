mmfuzz 1
kernel: 3.2
plant: split-doubles-tail-refs
expect: fail identity
found: sim 3.2, the search from seed 1
note: a split gives tails the references of who holds them, and leaves them on the head as well
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 read
split p0 a0.1
