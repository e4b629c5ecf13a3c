mmfuzz 1
kernel: 6.18
plant: surplus-table-freed-twice
expect: fail assertion
memory: sc
schedule: b21a60b16
found: exploring fault-against-fault
note: a page table that is surplus is freed where that is found, and at the end of the fault once more
frames: 1024
huge: 1

read_file disk0.0+2
map p0 a0 disk0 shared

thread one
fault p0 a0.0+2 read

thread other
fault p0 a0.1 read
