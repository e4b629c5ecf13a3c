mmfuzz 1
kernel: 6.18
expect: pass
note: after fork the first writer copies, the last one reuses

alloc p0 a0 base
fault p0 a0.0+2 write
fork p0 p1
fault p1 a0.0 write
fault p0 a0.0 read
fault p0 a0.0 write
fault p1 a0 read
exit p1
fault p0 a0.1 write
