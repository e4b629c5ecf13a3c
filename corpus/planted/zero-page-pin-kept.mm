mmfuzz 1
kernel: 5.19
plant: zero-page-pin-kept
expect: fail zero-page
note: a pin of the zero page is never given back, so that its count grows without bound
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 read h0
