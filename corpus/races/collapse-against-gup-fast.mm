mmfuzz 1
kernel: 6.18
huge: 1
memory: weak
note: references are compared twice by a collapse, while a page is pinned without locks (April 2020; 70cbc3cc78a9, v6.1)

alloc p0 a0 base
fault p0 a0 write
drain

thread pin
pin p0 a0.1 write h0

thread collapse
collapse p0 a0
