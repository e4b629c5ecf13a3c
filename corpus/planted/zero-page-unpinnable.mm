mmfuzz 1
kernel: 6.1
plant: zero-page-unpinnable
expect: fail refusal
note: the zero page counts as unpinnable: a long-term pin tries to move it, for ever or until it gives up
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 read h0
