mmfuzz 1
kernel: 6.18
huge: 1
memory: weak
note: lockless try_get_folio() of a page, while its folio is split (June 2021; c24d37322548, v5.14)

alloc p0 a0 huge
fault p0 a0 write
split_map p0 a0

thread gup
get_fast p0 a0.1 read h0

thread split
split p0 a0.0
