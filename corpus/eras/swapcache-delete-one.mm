mmfuzz 1
kernel: 4.13
plant: swapcache-delete-one
expect: fail leak
found: sim 4.13, the search from seed 2
note: a large folio leaves the swap cache and keeps all but one of the cache's references
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
swap_out p0 a0.0
