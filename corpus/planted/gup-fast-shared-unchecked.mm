mmfuzz 1
kernel: 6.18
plant: gup-fast-shared-unchecked
expect: fail pin-coherence
memory: weak
schedule: b15a51
found: exploring gup-fast-against-cow
note: a pin without locks takes a page for reading that others share, and does not unshare it first
frames: 1024
huge: 1

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
drain

thread parent
fault p0 a0.0 write

thread child
pin_fast p1 a0.0 read h1
