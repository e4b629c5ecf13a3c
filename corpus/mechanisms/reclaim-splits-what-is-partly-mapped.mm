mmfuzz 1
kernel: 6.18
expect: pass
note: reclaim splits a folio that is mapped in part, and frees what nobody maps

alloc p0 a0 huge
fault p0 a0 write
dontneed p0 a0.2+3
swap_out p0 a0.0
swap_out p0 a0.0
fault p0 a0.0+2 read
