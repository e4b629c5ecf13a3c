mmfuzz 1
kernel: 6.18
plant: move-huge-zero
expect: fail assertion
note: UFFDIO_MOVE asks the huge zero page for its folio, gets none, and follows the null pointer
frames: 1024
huge: 3

alloc p0 a0 huge
alloc p0 a1 base
fault p0 a0.0 read
move p0 a0.0+8 a1.0
