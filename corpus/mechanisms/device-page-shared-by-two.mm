mmfuzz 1
kernel: 6.18
expect: pass
note: fork shares what is on a device, and whoever touches it first brings it home for both; a write is copied then

alloc p0 a0 base
fault p0 a0.0+2 write
to_device p0 a0.0+2
fork p0 p1
fault p1 a0.0 write
from_device p0 a0.1
fault p0 a0.0+2 read
fault p1 a0.0+2 read
