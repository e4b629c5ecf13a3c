mmfuzz 1
kernel: 6.18
expect: pass
note: a folio whose entries differ comes back page by page, n cache references all the while

alloc p0 a0 order2
fault p0 a0.0+4 write
swap_out p0 a0
dontneed p0 a0.1
swap_in p0 a0.0
swap_in p0 a0.2
swap_out p0 a0.0
fault p0 a0.0+4 read
