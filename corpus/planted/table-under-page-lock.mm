mmfuzz 1
kernel: 6.18
plant: table-under-page-lock
expect: fail fault-context
note: no page table is preallocated before the page is locked, so one has to be allocated while it is
frames: 1024
huge: 3

map p0 a0 memfd0 private
fault p0 a0.0 read
