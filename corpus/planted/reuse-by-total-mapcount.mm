mmfuzz 1
kernel: 5.8
plant: reuse-by-total-mapcount
expect: fail pin-coherence
note: a write fault asks how often all of a huge page is mapped, and copies a page of it that is mapped once
frames: 1024
huge: 3

alloc p0 a0 huge
pin p0 a0.0 read h0
protect p0 a0.0
fault p0 a0.0 write
