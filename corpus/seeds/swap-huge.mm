mmfuzz 1
kernel: 6.18
expect: pass
note: a huge page in the swap cache holds a cache reference for each page

alloc p0 a0 huge
fault p0 a0 write
swap_out p0 a0
swap_in p0 a0.3
fault p0 a0 read
swap_out p0 a0
swap_out p0 a0
swap_in p0 a0
