mmfuzz 1
kernel: 6.18
plant: device-page-on-lru
expect: fail assertion
note: a page of a device is put on an LRU list, which overwrites the words that its pgmap is in
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
to_device p0 a0.0
