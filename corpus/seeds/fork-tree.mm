mmfuzz 1
kernel: 6.18
expect: pass
note: three generations share what the first wrote

alloc p0 a0 base
alloc p0 a1 huge
fault p0 a0.0+2 write
fault p0 a1 write
fork p0 p1
fork p1 p2
fault p1 a0.0 write
fault p2 a1.2 write
exit p1
fault p0 a0 read
fault p2 a1 read
exit p0
fault p2 a0.0 write
