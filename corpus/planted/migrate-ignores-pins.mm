mmfuzz 1
kernel: 6.18
plant: migrate-ignores-pins
expect: fail refusal
note: migration moves a folio although a pin or get refers to it
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 read h0
migrate p0 a0.0
