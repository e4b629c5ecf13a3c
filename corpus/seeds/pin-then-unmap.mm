mmfuzz 1
kernel: 6.18
expect: pass
note: a pinned page that nobody maps any more

alloc p0 a0 huge
fault p0 a0 write
pin p0 a0.6 write h0
free p0 a0
dma h0 write
dma h0 read
unpin h0
