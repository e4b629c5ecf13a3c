mmfuzz 1
kernel: 6.18
plant: migrate-expects-one-of-n
expect: fail refusal
note: migration expects one reference of a large folio's swap cache, not n, and is refused for ever
frames: 1024
huge: 3

map p0 a0 huge0 private
fault p0 a0.0 read
swap_out p0 a0.0
migrate p0 a0.0
