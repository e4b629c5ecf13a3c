mmfuzz 1
kernel: 6.18
plant: device-stale-swapcache
expect: fail assertion
note: a page leaves the swap cache on its way to the device and is then moved as if it were there: the cache's reference is dropped twice
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
swap_out p0 a0.0
fault p0 a0.0 read
to_device p0 a0.0
