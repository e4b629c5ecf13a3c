mmfuzz 1
kernel: 6.18
expect: pass
note: a get of a page that was shared once makes the next write copy; the get keeps the old page

alloc p0 a0 base
fault p0 a0.0 write
get p0 a0.0 read h0
fork p0 p1
exit p1
fault p0 a0.0 write
put h0
