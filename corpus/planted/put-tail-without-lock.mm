mmfuzz 1
kernel: 2.6.38
plant: put-tail-without-lock
expect: fail maps-within-refs
memory: weak
schedule: b33a14b31
found: exploring put-tail-against-split
note: the compound lock keeps nobody away: a put drops the count of a tail while a split moves it
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
