mmfuzz 1
kernel: 5.10
plant: around-past-huge
expect: fail fault-context
frames: 1024
huge: 3

map p0 a0 huge0 private
write_file huge0.0
fault p0 a0.0 read
