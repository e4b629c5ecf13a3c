mmfuzz 1
kernel: 6.18
expect: pass
note: a write fault, a collapse and a migration that lose the contents midway leave everything in place
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0+2 write
drain
fork p0 p1
fail copy
fault p1 a0.0 write
fail copy
collapse p0 a0
fail copy
migrate p0 a0.1
exit p1
fault p0 a0.0+2 write
