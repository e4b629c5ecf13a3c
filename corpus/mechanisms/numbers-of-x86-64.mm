mmfuzz 1
kernel: 6.18
expect: pass
note: 512 pages: fork, half unmapped, a write, exit leave 1, 257, 767 and 511 references
frames: 4096
huge: 9

alloc p0 a0 huge
fault p0 a0.0 write
fork p0 p1
unmap p1 a0.0+256
fault p0 a0.0 write
exit p1
