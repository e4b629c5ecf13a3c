mmfuzz 1
kernel: 2.6.38
plant: put-tail-without-recheck
expect: fail assertion
memory: sc
schedule: a2b137a
found: exploring put-tail-against-swap
note: put_page() relies on `first_page` of what was a tail before that was read
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
