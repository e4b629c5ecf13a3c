mmfuzz 1
kernel: 6.18
plant: pin-counts-one
expect: fail identity
note: a pin of a base page adds 1 to its refcount where unpinning drops 1024
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 read h0
