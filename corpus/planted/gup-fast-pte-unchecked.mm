mmfuzz 1
kernel: 6.18
plant: gup-fast-pte-unchecked
expect: fail isolation
memory: weak
schedule: a4b119a5
found: exploring gup-fast-against-reuse
note: the page-table entry is not looked at again once its page has been counted
frames: 1024
huge: 1

alloc p0 a0 huge
fault p0 a0 write
split_map p0 a0
alloc p0 a1 base

thread gup
get p0 a0.1 read h0

thread reuse
dontneed p0 a0
fault p0 a1.0+2 write
