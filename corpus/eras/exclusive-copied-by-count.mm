mmfuzz 1
kernel: 5.19
plant: exclusive-copied-by-count
expect: fail pin-coherence
note: a write fault copies a page that its process has pinned, because the pin is a reference too many
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
pin p1 a0.0 read h0
fault p1 a0.0 write
