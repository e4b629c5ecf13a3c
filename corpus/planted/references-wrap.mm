mmfuzz 1
kernel: 4.13
plant: references-wrap
expect: fail use-after-free
note: references that get_user_pages() takes wrap around at the width of the counter, four bits here
frames: 1024
huge: 3

alloc p0 a0 huge
pin p0 a0.0+7 write h0
pin p0 a0.0+8 read h1
