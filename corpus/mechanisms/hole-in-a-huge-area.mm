mmfuzz 1
kernel: 6.18
expect: pass
note: an area with a hole gets no huge page, and what is around the hole stays mapped

alloc p0 a0 huge
fault p0 a0 write
unmap p0 a0.3+2
fault p0 a0.0+3 read
dontneed p0 a0.0+3
fault p0 a0.0 write
free p0 a0
