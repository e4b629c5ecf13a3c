mmfuzz 1
kernel: 6.18
expect: pass
note: a read maps the huge zero page, a write replaces it

alloc p0 a0 huge
fault p0 a0 read
fork p0 p1
fault p0 a0.1 write
fault p1 a0.1 read
exit p1
