mmfuzz 1
kernel: 6.18
plant: mkwrite-does-not-wait
expect: fail contents
note: a write fault goes on while its page is on its way to disk, and the disk gets what the write made of it
frames: 1024
huge: 3

map p0 a0 disk0 shared
fault p0 a0.0 write
write_back disk0.0
fault p0 a0.0 write
