mmfuzz 1
kernel: 6.18
expect: pass
note: a reference without a pin keeps the page, not the coherence

alloc p0 a0 base
fault p0 a0.0+3 write
get p0 a0.0+3 read h0
fault p0 a0.1 write
dontneed p0 a0.0+2
fault p0 a0 read
put h0
