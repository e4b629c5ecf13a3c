mmfuzz 1
kernel: 6.18
plant: dax-truncate-does-not-wait
expect: fail assertion
note: truncating a file on a device gives blocks away while somebody has a reference on their pages
frames: 1024
huge: 3

map p0 a0 dax0 private
get p0 a0.0 read h0
truncate dax0 0
