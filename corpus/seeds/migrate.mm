mmfuzz 1
kernel: 6.18
expect: pass
note: pages move to other frames and keep their contents

alloc p0 a0 base
alloc p0 a1 huge
fault p0 a0.0+3 write
fault p0 a1 write
fork p0 p1
migrate p0 a0
migrate p1 a1
fault p0 a0 read
fault p1 a1 read
exit p0
fault p1 a0 read
