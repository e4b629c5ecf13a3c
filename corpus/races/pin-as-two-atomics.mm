mmfuzz 1
kernel: 6.18
huge: 1
memory: weak
note: a pin of a base page is a reference first, and 1023 more a moment later (June 2021)

alloc p0 a0 base
fault p0 a0.0 write
drain
pin p0 a0.0 write h0

thread pin
pin p0 a0.0 write h1

thread unpin
unpin h0
