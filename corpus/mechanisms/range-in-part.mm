mmfuzz 1
kernel: 6.18
expect: pass
note: a pin of which only a part is to be had is given back whole
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
fail partial
pin p0 a0.0+4 write h0
split p0 a0.0
fail partial
get p0 a0.0+4 read h0
migrate p0 a0
