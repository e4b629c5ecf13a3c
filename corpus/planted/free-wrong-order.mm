mmfuzz 1
kernel: 6.18
plant: free-wrong-order
expect: fail frames
note: a large folio is freed as one page: its other frames never return to the buddy allocator
frames: 1024
huge: 3

alloc p0 a0 order2
fault p0 a0.0 write
