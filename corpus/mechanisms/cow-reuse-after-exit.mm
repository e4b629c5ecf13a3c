mmfuzz 1
kernel: 6.18
expect: pass
note: a page that a child has left is reused in place: only its owner refers to it

alloc p0 a0 base
fault p0 a0.0 write
drain
fork p0 p1
exit p1
fault p0 a0.0 write
