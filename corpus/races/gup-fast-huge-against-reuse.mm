mmfuzz 1
kernel: 6.18
huge: 1
memory: weak
note: a page of a huge page is taken through its PMD, while that is freed and becomes the huge page of another area (June 2021)

alloc p0 a0 huge
fault p0 a0 write
alloc p0 a1 huge

thread gup
get_fast p0 a0.1 read h0

thread reuse
dontneed p0 a0
fault p0 a1.0 write
