mmfuzz 1
kernel: 6.18
huge: 1
memory: weak
note: a collapse, while the address space is forked ("khugepaged: allow to collapse a page shared across fork", April 2020)

alloc p0 a0 base
fault p0 a0 write
drain

thread fork
fork p0 p1

thread collapse
collapse p0 a0
