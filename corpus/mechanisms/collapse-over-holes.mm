mmfuzz 1
kernel: 6.18
expect: pass
note: a collapse fills what was never touched with zeroes

alloc p0 a0 base
fault p0 a0.3 write
fault p0 a0.5 read
collapse p0 a0
fault p0 a0 read
