mmfuzz 1
kernel: 6.18
plant: exclusive-copied-by-count
expect: fail pin-coherence
note: a write fault copies a page that its process has pinned, because the pin is a reference too many
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 read h0
fault p0 a0.0 write
