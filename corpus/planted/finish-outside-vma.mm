mmfuzz 1
kernel: 6.18
plant: finish-outside-vma
expect: fail fault-context
note: a fault maps all of a large folio, though the mapping has only a part of it
frames: 1024
huge: 3

map p0 a0 huge0 private
unmap p0 a0.0
fault p0 a0.1 read
