mmfuzz 1
kernel: 6.18
plant: table-installed-unchecked
expect: fail fault-context
memory: sc
schedule: b21a59b2
found: exploring fault-against-fault
note: a page table is installed where the PMD was empty a moment ago, without a look under the lock
frames: 1024
huge: 1

read_file disk0.0+2
map p0 a0 disk0 shared

thread one
fault p0 a0.0+2 read

thread other
fault p0 a0.1 read
