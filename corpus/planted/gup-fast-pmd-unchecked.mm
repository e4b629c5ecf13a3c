mmfuzz 1
kernel: 6.18
plant: gup-fast-pmd-unchecked
expect: fail pin-coherence
memory: weak
schedule: a6b91a8b47
found: exploring collapse-against-gup-fast
note: GUP-fast looks at the entry once more, and not at the PMD entry above it
frames: 1024
huge: 1

alloc p0 a0 base
fault p0 a0 write
drain

thread pin
pin p0 a0.1 write h0

thread collapse
collapse p0 a0
