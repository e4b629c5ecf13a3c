mmfuzz 1
kernel: 6.18
expect: pass
note: a split takes every process's map, PMD or PTE, and gives each its pages back

alloc p0 a0 huge
fault p0 a0 write
fork p0 p1
split_map p1 a0
dontneed p1 a0.0
split p0 a0.4
fault p1 a0.4 write
fault p0 a0 read
