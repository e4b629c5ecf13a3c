mmfuzz 1
kernel: 6.18
plant: shmem-swapcache-uncounted
expect: fail refusal
note: the references of the swap cache are expected of anonymous folios alone, so shmem there never migrates
frames: 1024
huge: 3

map p0 a0 memfd0 private
fault p0 a0.0 read
swap_out p0 a0.0
collapse p0 a0
