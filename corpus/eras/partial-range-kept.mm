mmfuzz 1
kernel: 2.6.38
plant: partial-range-kept
expect: fail identity
note: a range of which only some pages were to be had fails, and what was had is kept
frames: 1024
huge: 3

alloc p0 a0 base
fail partial
pin p0 a0.0+2 write h0
