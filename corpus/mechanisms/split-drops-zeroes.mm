mmfuzz 1
kernel: 6.18
expect: pass
note: a split maps the zero page where a page holds zeroes, and frees that page

alloc p0 a0 huge
fault p0 a0.1 write
split p0 a0.1
fault p0 a0.0 write
fault p0 a0 read
