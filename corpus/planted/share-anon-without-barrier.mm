mmfuzz 1
kernel: 6.18
plant: share-anon-without-barrier
expect: fail pin-coherence
memory: weak
schedule: b55a15b5^1b18
found: exploring gup-fast-against-swap-out
note: no barrier between clearing an entry and the look whether its page may be pinned
frames: 1024
huge: 1

alloc p0 a0 base
fault p0 a0.0 write
drain

thread pin
pin_fast p0 a0.0 read h0

thread reclaim
swap_out p0 a0.0
