mmfuzz 1
kernel: 6.18
plant: prealloc-leak
expect: fail fault-context
note: a page table that was preallocated for the pages around, and not used, is never freed
frames: 1024
huge: 3

map p0 a0 huge0 private
fault p0 a0.0 read
