mmfuzz 1
kernel: 6.18
expect: pass
note: the one page that is left of a large folio is copied, so that the folio can go

alloc p0 a0 order2
fault p0 a0.0+4 write
dontneed p0 a0.1+3
fork p0 p1
exit p1
fault p0 a0.0 write
