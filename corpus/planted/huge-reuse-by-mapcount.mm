mmfuzz 1
kernel: 6.18
plant: huge-reuse-by-mapcount
expect: fail isolation
note: a write fault reuses a huge page that one PMD maps, although a get of another process refers to it
frames: 1024
huge: 3

alloc p0 a0 huge
get p0 a0.0 write h0
fork p0 p1
fault p0 a0.0+8 write
fault p1 a0.0 write
