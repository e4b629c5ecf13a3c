mmfuzz 1
kernel: 5.7
plant: unpin-large-as-base
expect: fail assertion
note: unpinning a large folio drops 1024 references, as if pins were counted there
frames: 1024
huge: 3

alloc p0 a0 huge
pin p0 a0.0 write h0
