mmfuzz 1
kernel: 5.19
plant: collapse-beyond-shared-limit
expect: fail refusal
note: khugepaged collapses what is mostly shared with other processes, and so copies memory that fork saved
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0+5 write
fork p0 p1
collapse p0 a0
