mmfuzz 1
kernel: 6.18
expect: pass
note: pages move to a device, a fault brings one home and the driver another

alloc p0 a0 base
fault p0 a0.0+4 write
to_device p0 a0.0+4
fault p0 a0.0 read
fault p0 a0.1 write
from_device p0 a0.2
dontneed p0 a0.3
