mmfuzz 1
kernel: 6.18
plant: collapse-without-ipi
expect: fail use-after-free
memory: weak
schedule: a4b149a
found: exploring collapse-against-gup-fast
note: a collapse uses the page table for something else while others may be walking it
frames: 1024
huge: 1

alloc p0 a0 base
fault p0 a0 write
drain

thread pin
pin p0 a0.1 write h0

thread collapse
collapse p0 a0
