mmfuzz 1
kernel: 6.18
expect: pass
note: a get that a child took keeps the page when neither process maps it any more

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
get p1 a0.0 read h0
exit p1
fault p0 a0.0 write
free p0 a0
drain
put h0
