mmfuzz 1
kernel: 6.18
plant: range-of-a-folio-one-ref
expect: fail identity
note: a range within one large folio takes one reference, and gives one back for each page
frames: 1024
huge: 3

alloc p0 a0 order2
get p0 a0.0+2 write h0
