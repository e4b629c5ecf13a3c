mmfuzz 1
kernel: 6.18
plant: pieces-keep-isolation
expect: fail identity
note: pieces of a folio that migration has split, and that could not move, keep the isolation's reference
frames: 1024
huge: 3

alloc p0 a0 order2
fault p0 a0.0+2 write
unmap p0 a0.2
fail alloc
migrate p0 a0.0
