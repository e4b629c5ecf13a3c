mmfuzz 1
kernel: 6.18
huge: 1
memory: sc
note: a collapse of pages that another process shares, and takes a copy of meanwhile (April 2020)

alloc p0 a0 base
fault p0 a0 write
fork p0 p1
drain

thread cow
fault p1 a0.1 write

thread collapse
collapse p0 a0
