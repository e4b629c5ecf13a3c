mmfuzz 1
kernel: 6.18
huge: 1
memory: weak
note: a look-up in the page cache, which takes no lock, while the folio that it finds is split

map p0 a0 huge0 shared
fault p0 a0.0 write

thread lookup
read_file huge0.1

thread split
split p0 a0.0
