mmfuzz 1
kernel: 6.18
expect: pass
note: pins of a huge page are counted apart from its references

alloc p0 a0 huge
fault p0 a0 write
pin p0 a0 write h0
pin p0 a0.1+2 read h1
fork p0 p1
dma h0 write
fault p0 a0 read
fault p1 a0 read
unpin h0
dma h1 read
unpin h1
