mmfuzz 1
kernel: 6.18
pins: page-bit
expect: fail pincount
note: somebody who only has a reference puts it, and the flag that a pin has set goes
frames: 1024
huge: 3

alloc p0 a0 huge
pin p0 a0.0 read h0
get p0 a0.0 read h1
put h1
