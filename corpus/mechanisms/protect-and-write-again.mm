mmfuzz 1
kernel: 6.18
expect: pass
note: write-protected pages are written in place by whoever has them alone
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
protect p0 a0
fault p0 a0.0 write
protect p0 a0.2+2
pin p0 a0.2 write h0
protect p0 a0
fault p0 a0.2 write
dma h0 read
