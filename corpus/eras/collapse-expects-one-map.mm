mmfuzz 1
kernel: 5.8
plant: collapse-expects-one-map
expect: fail refusal
note: collapse expects one reference and the swap cache's, so what fork shares is refused for ever
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
collapse p0 a0
