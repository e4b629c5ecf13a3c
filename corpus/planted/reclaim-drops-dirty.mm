mmfuzz 1
kernel: 6.18
plant: reclaim-drops-dirty
expect: fail contents
note: reclaim drops a dirty page of a file without having written it
frames: 1024
huge: 3

map p0 a0 disk0 shared
fault p0 a0.0 write
swap_out p0 a0.0
