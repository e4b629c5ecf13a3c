mmfuzz 1
kernel: 2.6.38
plant: put-tail-revives-head
expect: fail frames
memory: weak
schedule: a4b112a19b25
found: exploring put-tail-against-reuse
note: put_page() takes a reference on what was the head of a tail, be it free by now
frames: 1024
huge: 1

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
