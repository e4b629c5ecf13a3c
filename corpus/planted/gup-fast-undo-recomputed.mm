mmfuzz 1
kernel: 6.18
plant: gup-fast-undo-recomputed
expect: fail maps-within-refs
memory: weak
schedule: a5b145a4
found: exploring gup-fast-against-split
note: what was taken too much is given back to the folio that the page is in by then
frames: 1024
huge: 1

alloc p0 a0 huge
fault p0 a0 write
split_map p0 a0

thread gup
get_fast p0 a0.1 read h0

thread split
split p0 a0.0
