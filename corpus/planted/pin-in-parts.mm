mmfuzz 1
kernel: 6.18
plant: pin-in-parts
expect: fail identity
memory: weak
schedule: a9b79a7
found: exploring gup-fast-against-swap-out
note: a pin that is given back drops the reference and keeps the rest of what it weighs
frames: 1024
huge: 1

alloc p0 a0 base
fault p0 a0.0 write
drain

thread pin
pin_fast p0 a0.0 read h0

thread reclaim
swap_out p0 a0.0
