mmfuzz 1
kernel: 5.7
plant: migrate-expects-one-of-n
expect: fail refusal
note: migration expects one reference of a large folio's swap cache, not n, and is refused for ever
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
swap_out p0 a0.0
fault p0 a0.0 read
migrate p0 a0.0
