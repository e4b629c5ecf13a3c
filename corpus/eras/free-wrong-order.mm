mmfuzz 1
kernel: 2.6.38
plant: free-wrong-order
expect: fail frames
found: sim 2.6.38, the search from seed 1
note: a large folio is freed as one page: its other frames never return to the buddy allocator
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 read
