mmfuzz 1
kernel: 6.18
expect: pass
note: a large folio that one process maps again is written in place, page by page

alloc p0 a0 order2
fault p0 a0.0+4 write
fork p0 p1
exit p1
fault p0 a0.2 write
fault p0 a0.0 write
