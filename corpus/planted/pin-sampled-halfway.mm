mmfuzz 1
kernel: 6.18
plant: pin-sampled-halfway
expect: fail pin-shown
memory: weak
schedule: a7
found: exploring pin-as-two-atomics
note: no bug of the kernel: a checker that looks between the two atomics of a pin, and sees a plain reference
frames: 1024
huge: 1

alloc p0 a0 base
fault p0 a0.0 write
drain
pin p0 a0.0 write h0

thread pin
pin p0 a0.0 write h1

thread unpin
unpin h0
