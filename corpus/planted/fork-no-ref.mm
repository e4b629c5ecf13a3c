mmfuzz 1
kernel: 6.18
plant: fork-no-ref
expect: fail identity
note: fork maps a page in the child without taking a reference for it
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
