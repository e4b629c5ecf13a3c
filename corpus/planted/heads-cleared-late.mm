mmfuzz 1
kernel: 6.18
plant: heads-cleared-late
expect: fail frames
memory: weak
schedule: a43b39a2
found: exploring free-against-reuse
note: compound_head of the tails is cleared when the frames can be had by others already
frames: 1024
huge: 1

alloc p0 a0 huge
fault p0 a0.0 write
fork p0 p1
dontneed p1 a0
alloc p1 a1 huge

thread free
dontneed p0 a0

thread reuse
fault p1 a1.0 write
