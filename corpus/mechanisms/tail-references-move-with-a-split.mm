mmfuzz 1
kernel: 2.6.38
expect: pass
note: a reference on a tail moves with the tail when the huge page is split, for all that map it
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0 write
fork p0 p1
get p0 a0.3 read h0
get p1 a0.3+2 read h1
pin p0 a0 read h2
split_map p1 a0
put h1
unmap p0 a0.3
put h0
unpin h2
