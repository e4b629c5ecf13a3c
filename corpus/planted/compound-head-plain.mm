mmfuzz 1
kernel: 6.18
plant: compound-head-plain
expect: fail data-race
memory: weak
schedule: a4b145a8
found: exploring gup-fast-against-split
note: compound_head() reads its word without READ_ONCE(), and the compiler does so twice
frames: 1024
huge: 1

alloc p0 a0 huge
fault p0 a0 write
split_map p0 a0

thread gup
get_fast p0 a0.1 read h0

thread split
split p0 a0.0
