mmfuzz 1
kernel: 6.18
plant: split-unfreezes-early
expect: fail assertion
memory: weak
schedule: b72a8
found: exploring lookup-against-split
note: a split lets references be taken on a piece before it has its place in the file
frames: 1024
huge: 1

map p0 a0 huge0 shared
fault p0 a0.0 write

thread lookup
read_file huge0.1

thread split
split p0 a0.0
