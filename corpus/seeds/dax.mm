mmfuzz 1
kernel: 6.18
expect: pass
note: a file on persistent memory is mapped directly: who maps it, reads it or writes it has the same page

map p0 a0 dax0 shared
fault p0 a0.0+2 write
fork p0 p1
fault p1 a0.0+2 read
map p1 a1 dax0 private
fault p1 a1.0 write
read_file dax0.0+2
write_file dax0.0
fault p0 a0.0 read
