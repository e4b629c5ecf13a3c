mmfuzz 1
kernel: 6.18
plant: entry-not-compared
expect: fail fault-context
memory: sc
schedule: a59b38a12
found: exploring fault-against-fault
note: a fault writes its entry without a look at what is there by then
frames: 1024
huge: 1

read_file disk0.0+2
map p0 a0 disk0 shared

thread one
fault p0 a0.0+2 read

thread other
fault p0 a0.1 read
