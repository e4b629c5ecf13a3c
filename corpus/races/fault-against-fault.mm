mmfuzz 1
kernel: 6.18
huge: 1
memory: sc
note: two faults of one address space, each with a page table in reserve, where there is none yet

read_file disk0.0+2
map p0 a0 disk0 shared

thread one
fault p0 a0.0+2 read

thread other
fault p0 a0.1 read
