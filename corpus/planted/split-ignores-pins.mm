mmfuzz 1
kernel: 6.18
plant: split-ignores-pins
expect: fail refusal
note: a folio is split although a pin or get refers to it, and the reference is lost with the count; since v5.19 a pin is seen when the page is unmapped
frames: 1024
huge: 3

alloc p0 a0 order2
get p0 a0.0 write h0
split p0 a0.0
