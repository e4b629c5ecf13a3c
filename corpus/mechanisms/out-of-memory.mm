mmfuzz 1
kernel: 6.18
expect: pass
note: where memory is short a huge fault falls back to base pages, and in the end fails
frames: 64

alloc p0 a0 huge
alloc p0 a1 huge
alloc p0 a2 huge
fault p0 a0 write
fork p0 p1
fork p0 p2
fork p0 p3
fault p1 a0 write
fault p2 a0 write
fault p3 a0 write
fault p0 a1 write
fault p1 a1.0 read
fault p1 a1.1 write
fault p2 a1 write
fault p3 a1 write
fault p0 a2 write
