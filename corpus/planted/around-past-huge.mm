mmfuzz 1
kernel: 5.10
plant: around-past-huge
expect: fail fault-context
note: the walk over the pages around goes on after a huge page was mapped, as if there were a page table
frames: 1024
huge: 3

map p0 a0 huge0 private
write_file huge0.0
fault p0 a0.0 read
