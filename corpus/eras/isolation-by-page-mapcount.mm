mmfuzz 1
kernel: 5.7
plant: isolation-by-page-mapcount
expect: fail refusal
note: isolation takes the references of a folio's other pages for pins, and never migrates it
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
split_map p0 a0
migrate p0 a0.0
