mmfuzz 1
kernel: 5.19
plant: collapse-beyond-shared-limit
expect: fail refusal
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0+5 write
fork p0 p1
collapse p0 a0
