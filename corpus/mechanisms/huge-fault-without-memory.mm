mmfuzz 1
kernel: 6.18
expect: pass
note: a huge fault that gets no huge page takes a base page
frames: 1024
huge: 3

alloc p0 a0 huge
fail alloc
fault p0 a0.0 write
fault p0 a0.1 write
