mmfuzz 1
kernel: 6.18
plant: no-drain-before-isolation
expect: fail refusal
note: what waits in an LRU batch is not on the LRU and is never migrated, however long one tries
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
migrate p0 a0.0
