mmfuzz 1
kernel: 2.6.38
huge: 1
memory: sc
note: put_page() of a tail, while the huge page is split and the piece goes to swap

alloc p0 a0 huge
fault p0 a0.0 write
get p0 a0.1 read h0
drain

thread put
put h0

thread split
split p0 a0.0
swap_out p0 a0.1
