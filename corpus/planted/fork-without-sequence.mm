mmfuzz 1
kernel: 6.18
plant: fork-without-sequence
expect: fail pin-coherence
memory: tso
schedule: b8B2b4B2b14Bb11a6Aa8B7
found: exploring gup-fast-against-fork
note: a pin without locks does not look whether fork has begun to share pages
frames: 1024
huge: 1

alloc p0 a0 base
fault p0 a0.0 write
drain

thread pin
pin p0 a0.0 write h0

thread fork
fork p0 p1
