mmfuzz 1
kernel: 6.18
expect: pass
note: a large folio is only made where all of its range is empty

alloc p0 a0 order2
fault p0 a0.5 read
fault p0 a0.6 write
fault p0 a0.0 write
dontneed p0 a0.4+4
fault p0 a0.7 write
