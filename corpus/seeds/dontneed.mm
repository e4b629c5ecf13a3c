mmfuzz 1
kernel: 6.18
expect: pass
note: given up contents read as zeros

alloc p0 a0 base
fault p0 a0 write
dontneed p0 a0.2+3
fault p0 a0 read
fault p0 a0.3 write
dontneed p0 a0
