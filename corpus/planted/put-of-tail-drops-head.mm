mmfuzz 1
kernel: 3.2
plant: put-of-tail-drops-head
expect: fail identity
found: sim 3.2, the search from seed 1
note: put_page() of a tail drops the head's reference and keeps the tail's
frames: 1024
huge: 3

alloc p0 a0 huge
pin p0 a0.1 read h0
