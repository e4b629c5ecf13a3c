mmfuzz 1
kernel: 3.2
plant: get-tail-without-lock
expect: fail identity
memory: weak
schedule: a8b66a
found: exploring get-tail-against-split
note: get_page() of a tail counts on the tail and then on the head, and a split moves references in between
frames: 1024
huge: 1

alloc p0 a0 huge
fault p0 a0.0 write
get p0 a0.1 read h0
drain

thread get
dup h1 h0

thread split
split p0 a0.0
