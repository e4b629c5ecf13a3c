mmfuzz 1
kernel: 6.18
plant: free-wrong-order
expect: fail frames
note: a large folio is freed as one page: its other frames never return to the buddy allocator
frames: 1024
huge: 3

read_file large0.0
