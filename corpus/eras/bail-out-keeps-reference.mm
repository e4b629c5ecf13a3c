mmfuzz 1
kernel: 4.5
plant: bail-out-keeps-reference
expect: fail identity
note: a caller that cannot lock a folio returns early, and keeps the reference that it took to look at it
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
fail trylock
split p0 a0.0
