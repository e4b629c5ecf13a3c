mmfuzz 1
kernel: 6.18
plant: fork-no-map
expect: fail mapcount
note: fork maps pages by PTEs in the child and does not count the mappings
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
