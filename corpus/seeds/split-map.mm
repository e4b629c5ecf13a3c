mmfuzz 1
kernel: 6.18
expect: pass
note: a PMD mapping becomes PTEs: as many references as pages, less the one it had

alloc p0 a0 huge
fault p0 a0 write
fork p0 p1
split_map p0 a0
fault p1 a0 read
split_map p1 a0
unmap p0 a0.2+3
exit p1
