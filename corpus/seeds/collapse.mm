mmfuzz 1
kernel: 6.18
expect: pass
note: scattered base pages become one huge page

alloc p0 a0 base
fault p0 a0.0+5 write
collapse p0 a0
fault p0 a0 read
fault p0 a0.7 write
fork p0 p1
fault p1 a0 read
