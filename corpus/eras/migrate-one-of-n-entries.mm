mmfuzz 1
kernel: 5.7
plant: migrate-one-of-n-entries
expect: fail use-after-free
note: a large folio in the swap cache migrates, and one of its n entries there leads to the new one
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
swap_out p0 a0.0
fault p0 a0.0 read
migrate p0 a0.0
