mmfuzz 1
kernel: 6.18
huge: 1
memory: weak
note: a child pins a page for reading that its parent writes to: it has to have a page of its own first (a7f226604170, v5.19)

alloc p0 a0 base
fault p0 a0.0 write
fork p0 p1
drain

thread parent
fault p0 a0.0 write

thread child
pin_fast p1 a0.0 read h1
