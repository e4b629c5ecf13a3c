mmfuzz 1
kernel: 2.6.38
expect: pass
found: sim 2.6.38, the search from seed 3
note: pages leave an LRU batch and are free, and a huge page that takes their frames enters one
frames: 1024
huge: 3

fork p0 p1
alloc p0 a0 huge
alloc p1 a0 base
fault p0 a0.0 read
fault p1 a0.0+2 write
exit p1
split_map p0 a0
collapse p0 a0
