mmfuzz 1
kernel: 6.18
plant: partial-pin-unwound-short
expect: fail identity
note: a range pin that got only some of its pages gives back one less than it got
frames: 1024
huge: 3

alloc p0 a0 base
fail partial
pin p0 a0.0+2 read h0
