mmfuzz 1
kernel: 4.5
plant: references-wrap
expect: fail use-after-free
note: references that get_user_pages() takes wrap around at the width of the counter, four bits here
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
unmap p0 a0.0
fork p0 p1
pin p0 a0.1 read h0
