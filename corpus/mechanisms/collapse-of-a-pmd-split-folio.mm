mmfuzz 1
kernel: 6.18
expect: pass
note: the folio that a split map left whole is copied to a fresh one

alloc p0 a0 huge
fault p0 a0 write
split_map p0 a0
collapse p0 a0
fault p0 a0 read
