mmfuzz 1
kernel: 6.18
plant: collapse-expects-one-map
expect: fail refusal
note: collapse expects one reference and the swap cache's, so what fork shares is refused for ever
frames: 1024
huge: 3

alloc p0 a0 order2
fault p0 a0.0 write
collapse p0 a0
