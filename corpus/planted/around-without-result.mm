mmfuzz 1
kernel: 5.10
plant: around-without-result
expect: fail outcome
note: the pages around are taken to have solved the fault, whether the faulting one was among them or not
frames: 1024
huge: 3

map p0 a0 memfd0 private
fault p0 a0.0 read
