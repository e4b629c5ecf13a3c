mmfuzz 1
kernel: 6.18
expect: pass
note: the zero page is not counted: a get of it holds nothing, and goes on reading zeroes

alloc p0 a0 base
fault p0 a0.0+2 read
get p0 a0.0+2 read h0
fault p0 a0.0 write
put h0
