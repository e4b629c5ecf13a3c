mmfuzz 1
kernel: 6.18
expect: pass
note: two mms of a large folio are tracked; the shared bit outlives them when a third one stays

alloc p0 a0 order2
fault p0 a0.0 write
fork p0 p1
fork p0 p2
exit p1
fork p0 p3
exit p3
dontneed p0 a0
fault p2 a0.1 write
