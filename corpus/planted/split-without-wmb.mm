mmfuzz 1
kernel: 2.6.38
plant: split-without-wmb
expect: fail assertion
memory: weak
schedule: a5b69a2^1
found: exploring put-tail-against-split
note: a split lets PageHead be seen clear before PageTail of its last tail is
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
