mmfuzz 1
kernel: 2.6.38
plant: collapse-ignores-pins
expect: fail refusal
found: sim 2.6.38, the search from seed 1
note: collapse copies a page away although a pin or get refers to it
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 write h0
collapse p0 a0
