mmfuzz 1
kernel: 6.18
plant: lookup-without-recheck
expect: fail identity
memory: weak
schedule: a4b105a17
found: exploring lookup-against-split
note: a look-up believes that the folio which it has a reference on is the one that the page is in
frames: 1024
huge: 1

map p0 a0 huge0 shared
fault p0 a0.0 write

thread lookup
read_file huge0.1

thread split
split p0 a0.0
