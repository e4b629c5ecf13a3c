mmfuzz 1
kernel: 6.18
expect: pass
note: a get of pages of a huge page forbids its split

alloc p0 a0 huge
fault p0 a0 write
get p0 a0.2+3 write h1
split p0 a0.2
put h1
split p0 a0.2
