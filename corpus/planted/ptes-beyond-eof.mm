mmfuzz 1
kernel: 6.18
plant: ptes-beyond-eof
expect: fail fault-context
note: a fault maps all of a large folio although the file ends in the midst of it
frames: 1024
huge: 3

map p0 a0 large0 private
get p0 a0.0 read h0
map p0 a1 large0 shared
truncate large0 1
fault p0 a1.0 write
