mmfuzz 1
kernel: 6.18
expect: pass
note: a cached folio takes all n of its cache entries along

alloc p0 a0 order2
fault p0 a0.0+4 write
swap_out p0 a0
swap_in p0 a0.0
dontneed p0 a0.1
migrate p0 a0.0
free_swap p0 a0.0
fault p0 a0.0+4 read
