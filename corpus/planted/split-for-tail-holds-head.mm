mmfuzz 1
kernel: 3.2
plant: split-for-tail-holds-head
expect: fail assertion
found: sim 3.2, the search from seed 1
note: who wants a tail takes a reference on the head alone; after the split it is the tail's that is dropped
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 read
split p0 a0.1
