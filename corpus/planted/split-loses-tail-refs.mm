mmfuzz 1
kernel: 3.2
plant: split-loses-tail-refs
expect: fail assertion
found: sim 3.2, the search from seed 1
note: a split gives tails the references of their maps only; those of who holds them stay with the head
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 read
split p0 a0.1
