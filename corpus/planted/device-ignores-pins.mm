mmfuzz 1
kernel: 6.18
plant: device-ignores-pins
expect: fail refusal
note: a page goes to the device although a pin or get refers to it, which is left with the old frame; since v5.19 a pin is seen when the page is unmapped
frames: 1024
huge: 3

alloc p0 a0 base
get p0 a0.0 write h0
to_device p0 a0.0
