mmfuzz 1
kernel: 6.18
plant: batch-ref-leak
expect: fail identity
note: draining an LRU batch keeps the reference that the batch held
frames: 1024
huge: 3

read_file disk0.0
