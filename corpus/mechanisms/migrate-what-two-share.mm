mmfuzz 1
kernel: 6.18
expect: pass
note: a shared huge page moves for both processes, by PMD and by PTE

alloc p0 a0 huge
fault p0 a0 write
fork p0 p1
split_map p1 a0
migrate p0 a0.0
fault p1 a0.3 write
fault p0 a0 read
