mmfuzz 1
kernel: 4.5
plant: pieces-keep-isolation
expect: fail identity
note: pieces of a folio that migration has split, and that could not move, keep the isolation's reference
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
fail alloc
migrate p0 a0.0
