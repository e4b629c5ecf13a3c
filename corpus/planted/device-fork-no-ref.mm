mmfuzz 1
kernel: 6.18
plant: device-fork-no-ref
expect: fail identity
note: fork copies an entry for a page on a device without taking a reference for it
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
to_device p0 a0.0
fork p0 p1
