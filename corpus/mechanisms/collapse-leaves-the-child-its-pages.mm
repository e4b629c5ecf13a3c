mmfuzz 1
kernel: 6.18
expect: pass
note: pages that a child shares are copied; the child keeps the old ones

alloc p0 a0 base
fault p0 a0.0+3 write
fork p0 p1
collapse p0 a0
fault p0 a0.1 write
fault p1 a0.0+3 read
