mmfuzz 1
kernel: 3.2
plant: compound-without-destructor
expect: fail frames
found: sim 3.2, the search from seed 1
note: the last put of a compound page frees it as a single page: its destructor is not called
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 read
