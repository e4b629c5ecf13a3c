mmfuzz 1
kernel: 6.12
expect: pass
note: memory of a device that is mapped as one may be pinned for long, and maps of it are not counted until v6.15

map p0 a0 dev0 shared
fault p0 a0.0+2 write
pin p0 a0.0+2 write h0
fork p0 p1
exit p0
dma h0 write
fault p1 a0.0+2 read
unpin h0
fault p1 a0.0+2 read
