mmfuzz 1
kernel: 6.18
plant: collapse-ignores-pins
expect: fail refusal
note: collapse copies a page away although a pin or get refers to it
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 read h0
collapse p0 a0
