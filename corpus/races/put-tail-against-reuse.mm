mmfuzz 1
kernel: 2.6.38
huge: 1
memory: weak
note: put_page() of a tail, while the huge page is split and its first page is freed and used again

alloc p0 a0 huge
alloc p0 a1 base
fault p0 a0.0 write
get p0 a0.1 read h0
drain

thread put
put h0

thread split
split p0 a0.0
dontneed p0 a0.0
fault p0 a1.0 write
