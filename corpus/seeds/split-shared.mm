mmfuzz 1
kernel: 6.18
expect: pass
note: a split of a folio that two processes map, one of them in part

alloc p0 a0 huge
fault p0 a0 write
fork p0 p1
split_map p1 a0
unmap p1 a0.0+4
split p0 a0.0
fault p0 a0 read
fault p1 a0.4+4 read
