mmfuzz 1
kernel: 4.13
plant: around-past-huge-under-us
expect: fail fault-context
memory: sc
schedule: a4b86a20
found: exploring around-against-huge
note: the walk over the pages around ends at a huge page that it has mapped itself, and at no other
frames: 1024
huge: 2

read_file huge0.0
map p0 a0 huge0 shared

thread around
fault p0 a0.0 read

thread huge
fault p0 a0.2 read
