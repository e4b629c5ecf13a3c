mmfuzz 1
kernel: 6.18
pins: lru-field
expect: fail assertion
note: the count of pins goes where a page of a device has its pgmap: "very badly", as the thread has it
frames: 1024
huge: 3

map p0 a0 dev0 shared
pin p0 a0.0 read h0
