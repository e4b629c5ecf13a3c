mmfuzz 1
kernel: 6.18
plant: swapin-drops-exclusive
expect: fail exclusive
note: swapping in forgets that the page was exclusive, so that its owner's next write may copy it
frames: 1024
huge: 3

alloc p0 a0 base
fault p0 a0.0 write
swap_out p0 a0.0
fault p0 a0.0 read
