mmfuzz 1
kernel: 6.18
huge: 1
memory: sc
note: two threads of a process touch a huge page for the first time, one for reading

alloc p0 a0 huge

thread one
fault p0 a0.0 write

thread other
fault p0 a0.1 read
