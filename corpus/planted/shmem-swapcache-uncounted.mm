mmfuzz 1
kernel: 6.18
plant: shmem-swapcache-uncounted
expect: fail refusal
frames: 1024
huge: 3

map p0 a0 memfd0 private
fault p0 a0.0 read
swap_out p0 a0.0
collapse p0 a0
