mmfuzz 1
kernel: 6.18
plant: shared-bit-stale
expect: fail mapcount
note: the shared bit of a large folio stays set when one process is left that maps it
frames: 1024
huge: 3

alloc p0 a0 order2
fault p0 a0.0 write
fork p0 p1
