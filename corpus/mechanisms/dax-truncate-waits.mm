mmfuzz 1
kernel: 6.18
expect: pass
note: the blocks of a file stay its own until nobody has a reference on their pages; a long-term pin is refused

map p0 a0 dax0 shared
get p0 a0.0+2 write h0
pin p0 a0.0 read h1
truncate dax0 1          # EBUSY: page 1 is held
punch dax0.2+2
put h0
truncate dax0 1
fault p0 a0.0 read
truncate dax0 8
fault p0 a0 read
