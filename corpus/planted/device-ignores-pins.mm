mmfuzz 1
kernel: 6.18
plant: device-ignores-pins
expect: fail refusal
note: a page goes to the device although a pin or get refers to it, which is left with the old frame
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 read h0
to_device p0 a0.0
