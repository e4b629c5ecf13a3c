mmfuzz 1
kernel: 6.18
expect: pass
note: what is pinned, shared or not there stays, and what is in the way too
frames: 1024
huge: 3

alloc p0 a0 base
alloc p0 a1 base
fault p0 a0.0+3 write
pin p0 a0.1 write h0
move p0 a0.0+3 a1.0
fork p0 p1
move p0 a0.2 a1.2
move p0 a0.4 a1.4
move p1 a1.0 a0.0
unpin h0
exit p1
fault p0 a0.2 write
move p0 a0.1+2 a1.1
