mmfuzz 1
kernel: 5.7
plant: put-of-a-pin
expect: fail identity
found: sim 5.7, the search from seed 1
note: a driver releases what it took by pin_user_pages() with put_page(): off by 1023
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 write h0
