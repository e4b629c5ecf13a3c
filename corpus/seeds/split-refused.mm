mmfuzz 1
kernel: 6.18
expect: pass
note: a pinned page forbids the split of its folio

alloc p0 a0 huge
fault p0 a0 write
pin p0 a0.2+2 write h0
split p0 a0.0
fault p0 a0 read
unpin h0
split p0 a0.0
fault p0 a0 read
