mmfuzz 1
kernel: 6.18
plant: deep-state
expect: fail identity
found: sim 6.18, the search from seed 3
note: swapping in takes a reference too many of a huge folio that is mapped in part, shared and pinned
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
swap_out p0 a0.0
unmap p0 a0.0
pin p0 a0.1 read h0
fork p0 p1
fault p0 a0.2 read
fault p1 a0.2+2 read
