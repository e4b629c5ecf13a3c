mmfuzz 1
kernel: 6.18
plant: migrate-ignores-pins
expect: fail refusal
note: migration moves a folio although a pin or get refers to it; since v5.19 a pin is seen when the page is unmapped
frames: 1024
huge: 3

alloc p0 a0 base
get p0 a0.0 write h0
migrate p0 a0.0
