mmfuzz 1
kernel: 6.18
plant: gup-fast-pin-barrier
expect: fail pin-coherence
memory: weak
schedule: a9b79a3^2a2
found: exploring gup-fast-against-swap-out
note: no barrier between a pin and the second look at the entry
frames: 1024
huge: 1

alloc p0 a0 base
fault p0 a0.0 write
drain

thread pin
pin_fast p0 a0.0 read h0

thread reclaim
swap_out p0 a0.0
