mmfuzz 1
kernel: 6.15
plant: dax-map-special
expect: fail free-event
note: a page of a device is mapped with a reference by an entry that is marked special, so that unmapping it finds no page to put
frames: 1024
huge: 3

map p0 a0 dax0 private
fault p0 a0.0 read
