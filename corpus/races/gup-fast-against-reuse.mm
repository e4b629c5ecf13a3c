mmfuzz 1
kernel: 6.18
huge: 1
memory: weak
note: lockless try_get_folio() of a page, while its folio is freed and the frames become base pages of others (June 2021)

alloc p0 a0 huge
fault p0 a0 write
split_map p0 a0
alloc p0 a1 base

thread gup
get p0 a0.1 read h0

thread reuse
dontneed p0 a0
fault p0 a1.0+2 write
