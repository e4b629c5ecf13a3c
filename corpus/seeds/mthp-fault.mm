mmfuzz 1
kernel: 6.18
expect: pass
note: a folio of order 2 is mapped by four PTEs at once

alloc p0 a0 order2
fault p0 a0.5 write
fault p0 a0 read
dontneed p0 a0.4+2
fork p0 p1
exit p0
