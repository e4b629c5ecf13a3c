mmfuzz 1
kernel: 6.18
plant: isolation-by-page-mapcount
expect: fail refusal
note: isolation takes the references of a folio's other pages for pins, and never migrates it
frames: 1024
huge: 3

alloc p0 a0 order2
fault p0 a0.0 write
migrate p0 a0.0
