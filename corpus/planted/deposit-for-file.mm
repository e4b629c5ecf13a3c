mmfuzz 1
kernel: 6.18
plant: deposit-for-file
expect: fail page-table
note: a huge mapping of a file deposits a page table, and what unmaps it does not know of that
frames: 1024
huge: 3

map p0 a0 huge0 private
fault p0 a0.0 read
