mmfuzz 1
kernel: 6.18
expect: pass
note: the zero page is not counted: a pin of it holds nothing

alloc p0 a0 base
fault p0 a0.0+2 read
pin p0 a0.0+2 read h0
fault p0 a0.0 write
dma h0 read
unpin h0
