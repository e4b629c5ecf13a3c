mmfuzz 1
kernel: 6.18
plant: swapcache-delete-one
expect: fail leak
note: a large folio leaves the swap cache and keeps all but one of the cache's references
frames: 1024
huge: 3

alloc p0 a0 order2
fault p0 a0.0 write
swap_out p0 a0.0
