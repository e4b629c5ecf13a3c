mmfuzz 1
kernel: 6.18
expect: pass
note: a write to a shared huge page splits the writer's mapping and copies one page

alloc p0 a0 huge
fault p0 a0 write
fork p0 p1
fault p1 a0.3 write
fault p0 a0 read
fault p1 a0 read
fault p0 a0.3 write
exit p0
fault p1 a0 read
