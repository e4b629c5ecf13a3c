mmfuzz 1
kernel: 6.18
huge: 1
memory: sc
note: two threads of a process touch one page for the first time

alloc p0 a0 base

thread one
fault p0 a0.0 write

thread other
fault p0 a0.0 write
