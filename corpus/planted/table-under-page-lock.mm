mmfuzz 1
kernel: 6.18
plant: table-under-page-lock
expect: fail fault-context
frames: 1024
huge: 3

map p0 a0 memfd0 private
fault p0 a0.0 read
