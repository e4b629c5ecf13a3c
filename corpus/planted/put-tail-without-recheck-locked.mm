mmfuzz 1
kernel: 2.6.38
plant: put-tail-without-recheck-locked
expect: fail maps-within-refs
memory: weak
schedule: a7b69a10
found: exploring put-tail-against-split
note: put_page() drops the count of a tail that was split while it waited for the lock
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
