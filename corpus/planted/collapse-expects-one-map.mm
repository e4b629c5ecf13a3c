mmfuzz 1
kernel: 6.18
plant: collapse-expects-one-map
expect: fail refusal
frames: 1024
huge: 3

alloc p0 a0 order2
fault p0 a0.0 write
collapse p0 a0
