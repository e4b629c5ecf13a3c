mmfuzz 1
kernel: 6.18
pins: page-bit
expect: fail pincount
note: of two pins the first that goes takes the flag along
frames: 1024
huge: 3

alloc p0 a0 huge
pin p0 a0.0 read h0
pin p0 a0.0 read h1
unpin h0
