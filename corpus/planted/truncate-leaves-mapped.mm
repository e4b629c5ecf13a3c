mmfuzz 1
kernel: 6.18
plant: truncate-leaves-mapped
expect: fail page-cache
note: what is cut off leaves the page cache, and the mappings of it stay
frames: 1024
huge: 3

map p0 a0 memfd0 private
fault p0 a0.0 read
truncate memfd0 0
