mmfuzz 1
kernel: 5.14
plant: device-free-at-zero
expect: fail free-event
note: a put forgets that a page of a device is free when its count falls to 1: its driver never hears of it
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
to_device p0 a0.0
