mmfuzz 1
kernel: 6.18
huge: 1
memory: weak
note: a page is read through a reference that was taken without locks as soon as it was mapped (June 2021)

alloc p0 a0 base
fault p0 a0.0 write
dontneed p0 a0.0
drain
alloc p0 a1 base

thread gup
get p0 a1.0 read h0
put h0

thread fault
fault p0 a1.0 write
