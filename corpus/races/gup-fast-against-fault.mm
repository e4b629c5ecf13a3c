mmfuzz 1
kernel: 6.18
huge: 1
memory: weak
note: a page is read through a reference that was taken without locks as soon as it was mapped (June 2021)

alloc p0 a0 base
fault p0 a0.0 write
alloc p0 a1 base
fault p0 a1.1 write
drain
dontneed p0 a0.0

thread gup
get_fast p0 a1.0 read h0
put h0

thread fault
fault p0 a1.0 write
