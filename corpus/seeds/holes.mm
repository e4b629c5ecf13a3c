mmfuzz 1
kernel: 6.18
expect: pass
note: one area becomes several mappings when its middle is unmapped

alloc p0 a0 base
fault p0 a0 write
unmap p0 a0.3
fork p0 p1
fault p1 a0.0+3 write
fault p0 a0.4+4 read
unmap p1 a0.0+2
free p1 a0
free p0 a0
