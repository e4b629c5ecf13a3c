mmfuzz 1
kernel: 6.18
plant: swapin-maps-unread
expect: fail contents
note: a page whose read from swap has failed is mapped, with whatever the frame held before
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
swap_out p0 a0.0
swap_out p0 a0.0
fail io
fault p0 a0.0 read
