mmfuzz 1
kernel: 6.18
plant: split-unfreezes-unordered
expect: fail assertion
memory: weak
schedule: b97a8^1
found: exploring lookup-against-split
note: a split lets references on a piece be seen before its place in the file is
frames: 1024
huge: 1

map p0 a0 huge0 shared
fault p0 a0.0 write

thread lookup
read_file huge0.1

thread split
split p0 a0.0
