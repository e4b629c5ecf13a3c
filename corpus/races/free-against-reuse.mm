mmfuzz 1
kernel: 6.18
huge: 1
memory: weak
note: compound_head of the tails is cleared before the frames of a huge page can be had by others (June 2021)

alloc p0 a0 huge
fault p0 a0.0 write
fork p0 p1
dontneed p1 a0
alloc p1 a1 huge

thread free
dontneed p0 a0

thread reuse
fault p1 a1.0 write
