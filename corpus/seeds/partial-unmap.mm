mmfuzz 1
kernel: 6.18
expect: pass
note: a huge page of which a part is unmapped stays whole until it is split

alloc p0 a0 huge
fault p0 a0 write
unmap p0 a0.1+2
dontneed p0 a0.5
fault p0 a0.4+4 read
split p0 a0.0
fault p0 a0.5 write
free p0 a0
