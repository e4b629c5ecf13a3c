mmfuzz 1
kernel: 6.18
expect: pass
note: a get refuses the split, and its end allows it

alloc p0 a0 order2
fault p0 a0.0+4 write
get p0 a0.3 read h0
split p0 a0.0
put h0
split p0 a0.0
