mmfuzz 1
kernel: 6.18
plant: fsdax-pinned-for-long
expect: fail refusal
note: a page of an fsdax file is pinned for long, and the file cannot be truncated until that ends
frames: 1024
huge: 3

map p0 a0 dax0 private
pin p0 a0.0 read h0
