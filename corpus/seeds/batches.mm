mmfuzz 1
kernel: 6.18
expect: pass
note: fresh base pages sit in the batch of their CPU until it is drained

alloc p0 a0 base
fault p0 a0 write
fork p0 p1
alloc p1 a1 base
fault p1 a1 write
dontneed p1 a1.0+2
drain
free p0 a0
exit p0
