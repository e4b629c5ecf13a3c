mmfuzz 1
kernel: 6.18
expect: pass
note: fork shares the huge zero page without counting it; each process breaks away alone

alloc p0 a0 huge
fault p0 a0.0 read
fork p0 p1
fault p1 a0.3 write
split_map p0 a0
fault p0 a0.3 read
