mmfuzz 1
kernel: 5.18
plant: collapse-swapcache-one
expect: fail refusal
found: sim 5.18, the search from seed 1
note: collapse expects one reference of a large folio's swap cache, not n, and is refused for ever
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
swap_out p0 a0.0
collapse p0 a0
