mmfuzz 1
kernel: 5.7
plant: pin-counts-one
expect: fail identity
found: sim 5.7, the search from seed 1
note: a pin of a base page adds 1 to its refcount where unpinning drops 1024
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 write h0
