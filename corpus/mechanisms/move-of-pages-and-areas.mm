mmfuzz 1
kernel: 6.18
expect: pass
note: what is the process's own changes its address: base pages, swap entries, zero pages and huge pages
frames: 1024
huge: 3

alloc p0 a0 huge
alloc p0 a1 base
fault p0 a0 write
move p0 a0 a1.0
move p0 a1.2+2 a0.4
swap_out p0 a0.4
move p0 a0.4 a1.3
fault p0 a1.3 write
fault p0 a0.0 read
move p0 a0.0 a1.2
fault p0 a1 read
