mmfuzz 1
kernel: 6.18
plant: zap-no-put
expect: fail leak
note: unmapping drops the mapcount and forgets the reference
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
