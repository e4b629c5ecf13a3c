mmfuzz 1
kernel: 2.6.38
plant: migrate-ignores-pins
expect: fail refusal
found: sim 2.6.38, the search from seed 1
note: migration moves a folio although a pin or get refers to it
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 write h0
migrate p0 a0.0
