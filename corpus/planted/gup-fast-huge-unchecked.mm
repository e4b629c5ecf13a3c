mmfuzz 1
kernel: 6.18
plant: gup-fast-huge-unchecked
expect: fail isolation
memory: weak
schedule: a4b84a3
found: exploring gup-fast-huge-against-reuse
note: the PMD entry of a huge page is not looked at again once the page has been counted
frames: 1024
huge: 1

alloc p0 a0 huge
fault p0 a0 write
alloc p0 a1 huge

thread gup
get_fast p0 a0.1 read h0

thread reuse
dontneed p0 a0
fault p0 a1.0 write
