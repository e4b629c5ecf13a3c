mmfuzz 1
kernel: 6.18
plant: zap-double-put
expect: fail assertion
note: unmapping drops one reference more than it removed mappings
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
