mmfuzz 1
kernel: 6.18
expect: pass
note: the pieces of a folio in the swap cache each keep a cache reference

alloc p0 a0 huge
fault p0 a0 write
swap_out p0 a0
swap_in p0 a0.1
split p0 a0.1
fault p0 a0 read
free_swap p0 a0
