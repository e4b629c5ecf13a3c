mmfuzz 1
kernel: 6.18
expect: pass
note: a large folio in the swap cache has n references from it, and may be collapsed

alloc p0 a0 order2
fault p0 a0.0+4 write
swap_out p0 a0
swap_in p0 a0.0
collapse p0 a0
fault p0 a0 read
