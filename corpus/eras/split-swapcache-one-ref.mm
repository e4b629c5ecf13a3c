mmfuzz 1
kernel: 4.13
plant: split-swapcache-one-ref
expect: fail identity
found: sim 4.13, the search from seed 5
note: the pieces of a split folio that is in the swap cache begin without the cache's reference
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
swap_out p0 a0.0
fault p0 a0.0 read
split p0 a0.0
