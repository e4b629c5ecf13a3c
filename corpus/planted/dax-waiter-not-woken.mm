mmfuzz 1
kernel: 6.18
plant: dax-waiter-not-woken
expect: fail free-event
note: the last reference of a page of an fsdax file goes, and who waits to truncate it is not woken
frames: 1024
huge: 3

map p0 a0 dax0 private
fault p0 a0.0 read
