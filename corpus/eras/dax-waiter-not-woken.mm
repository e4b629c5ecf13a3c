mmfuzz 1
kernel: 5.7
plant: dax-waiter-not-woken
expect: fail free-event
note: until v6.15 maps are not counted, so that it takes a reference for a page to be in use
frames: 1024
huge: 3

map p0 a0 dax0 private
get p0 a0.0 read h0
