mmfuzz 1
kernel: 6.18
plant: pgmap-ref-leak
expect: fail free-event
note: a page of a device that is freed keeps its reference on the device's map, which can never go
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
to_device p0 a0.0
