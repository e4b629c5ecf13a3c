mmfuzz 1
kernel: 6.18
plant: gup-fast-head-unchecked
expect: fail identity
memory: weak
schedule: a5b145a4
found: exploring gup-fast-against-split
note: the head of a page is not looked at again once its folio has been counted
frames: 1024
huge: 1

alloc p0 a0 huge
fault p0 a0 write
split_map p0 a0

thread gup
get_fast p0 a0.1 read h0

thread split
split p0 a0.0
