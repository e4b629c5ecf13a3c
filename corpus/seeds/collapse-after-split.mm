mmfuzz 1
kernel: 6.18
expect: pass
note: pieces of a split folio, still in the swap cache, collapse again

alloc p0 a0 huge
fault p0 a0 write
swap_out p0 a0
swap_in p0 a0
split p0 a0.0
collapse p0 a0
fault p0 a0 read
