mmfuzz 1
kernel: 4.5
plant: split-ignores-pins
expect: fail refusal
found: sim 4.5, the search from seed 1
note: a folio is split although a pin or get refers to it, and the reference is lost with the count
frames: 1024
huge: 3

alloc p0 a0 huge
pin p0 a0.0 write h0
split p0 a0.0
