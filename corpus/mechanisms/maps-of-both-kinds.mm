mmfuzz 1
kernel: 6.18
expect: pass
note: one process maps a folio by a PMD, the other by PTEs, each counted in its own field

alloc p0 a0 huge
fault p0 a0 write
fork p0 p1
unmap p1 a0.0+4
fault p1 a0.4+4 read
fault p0 a0.0 write
exit p1
