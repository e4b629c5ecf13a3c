mmfuzz 1
kernel: 6.18
plant: collapse-checks-once
expect: fail pin-coherence
memory: weak
schedule: b41a15b88
found: exploring collapse-against-gup-fast
note: references are compared while scanning, and not again once the page table is out of reach
frames: 1024
huge: 1

alloc p0 a0 base
fault p0 a0 write
drain

thread pin
pin p0 a0.1 write h0

thread collapse
collapse p0 a0
