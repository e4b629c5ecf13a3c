mmfuzz 1
kernel: 6.18
plant: put-of-a-pin
expect: fail identity
note: a driver releases with put_page() what it took with pin_user_pages(), 1023 too few
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 read h0
