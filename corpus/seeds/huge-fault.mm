mmfuzz 1
kernel: 6.18
expect: pass
note: one PMD maps a huge page: one reference, whatever its size

alloc p0 a0 huge
fault p0 a0.5 write
fault p0 a0 read
free p0 a0
