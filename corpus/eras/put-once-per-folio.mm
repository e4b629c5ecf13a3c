mmfuzz 1
kernel: 2.6.38
plant: put-once-per-folio
expect: fail identity
found: sim 2.6.38, the search from seed 1
note: a driver that got several pages of one compound page puts it once
frames: 1024
huge: 3

alloc p0 a0 huge
get p0 a0.0+2 read h0
