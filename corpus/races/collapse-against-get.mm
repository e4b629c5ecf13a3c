mmfuzz 1
kernel: 6.18
huge: 1
memory: sc
note: a collapse of pages that another process shares and pins while it looks ("khugepaged: allow to collapse a page shared across fork", April 2020)

alloc p0 a0 base
fault p0 a0 write
fork p0 p1
drain

thread pin
get p1 a0.1 read h0

thread collapse
collapse p0 a0
