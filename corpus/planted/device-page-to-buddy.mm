mmfuzz 1
kernel: 6.18
plant: device-page-to-buddy
expect: fail free-event
note: a page of a device is freed to the page allocator, and its driver is not told
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
to_device p0 a0.0
