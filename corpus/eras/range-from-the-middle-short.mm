mmfuzz 1
kernel: 4.5
plant: range-from-the-middle-short
expect: fail identity
note: a range that begins in the middle of a huge page takes one reference less than it has pages
frames: 1024
huge: 3

alloc p0 a0 huge
pin p0 a0.1+2 write h0
