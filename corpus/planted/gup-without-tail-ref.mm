mmfuzz 1
kernel: 3.2
plant: gup-without-tail-ref
expect: fail identity
found: sim 3.2, the search from seed 1
note: get_user_pages() of a huge page takes the head's reference and forgets the tail's
frames: 1024
huge: 3

alloc p0 a0 huge
pin p0 a0.1 read h0
