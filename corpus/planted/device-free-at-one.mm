mmfuzz 1
kernel: 6.18
plant: device-free-at-one
expect: fail assertion
note: a page of a device is free when its count falls to 1, although no reference stays with it any more
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
to_device p0 a0.0
