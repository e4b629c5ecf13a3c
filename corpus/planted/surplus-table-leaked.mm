mmfuzz 1
kernel: 6.18
plant: surplus-table-leaked
expect: fail page-table
memory: sc
schedule: a21b45a32
found: exploring fault-against-fault
note: a page table that was preallocated, and is surplus as another thread was faster, is never freed
frames: 1024
huge: 1

read_file disk0.0+2
map p0 a0 disk0 shared

thread one
fault p0 a0.0+2 read

thread other
fault p0 a0.1 read
