mmfuzz 1
kernel: 6.1
plant: zero-page-pin-counted
expect: fail zero-page
note: a pin of the zero page takes references, as one of any page does
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 read h0
