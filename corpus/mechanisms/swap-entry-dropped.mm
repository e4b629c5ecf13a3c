mmfuzz 1
kernel: 6.18
expect: pass
note: the last swap entry frees the slot, and the folio that the cache alone still held

alloc p0 a0 order2
fault p0 a0.0+4 write
swap_out p0 a0
dontneed p0 a0.0+2
swap_in p0 a0.2
free_swap p0 a0.2
dontneed p0 a0
