mmfuzz 1
kernel: 6.18
expect: pass
note: base pages come one by one, reads map the zero page

alloc p0 a0 base
fault p0 a0.0+4 read
fault p0 a0.2+4 write
fault p0 a0 read
drain
free p0 a0
