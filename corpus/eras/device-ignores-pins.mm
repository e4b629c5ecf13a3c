mmfuzz 1
kernel: 5.7
plant: device-ignores-pins
expect: fail refusal
note: before v5.19 a pin for reading takes the zero page, which does not move: one for writing shows it
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 write h0
to_device p0 a0.0
