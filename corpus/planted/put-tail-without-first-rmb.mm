mmfuzz 1
kernel: 2.6.38
plant: put-tail-without-first-rmb
expect: fail assertion
memory: weak
schedule: a2b137a2^1
found: exploring put-tail-against-swap
note: put_page() may look at PageTail the second time before it has read `first_page`
frames: 1024
huge: 1

alloc p0 a0 huge
fault p0 a0.0 write
get p0 a0.1 read h0
drain

thread put
put h0

thread split
split p0 a0.0
swap_out p0 a0.1
