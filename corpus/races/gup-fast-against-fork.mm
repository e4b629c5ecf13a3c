mmfuzz 1
kernel: 6.18
huge: 1
memory: tso
note: a pin without locks, while fork shares what it thinks is not pinned (57efa1fe5957, v5.11)

alloc p0 a0 base
fault p0 a0.0 write
drain

thread pin
pin p0 a0.0 write h0

thread fork
fork p0 p1
