mmfuzz 1
kernel: 6.18
plant: large-mapcount-drift
expect: fail assertion
note: the large mapcount is not lowered when a process unmaps that neither mm slot tracks
frames: 1024
huge: 3

alloc p0 a0 order2
fault p0 a0.0 write
fork p0 p1
fork p0 p2
