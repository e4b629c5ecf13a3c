mmfuzz 1
kernel: 6.18
expect: pass
note: after everything went, the next fault makes a huge page anew, filled with zeroes

alloc p0 a0 huge
fault p0 a0.1 write
dontneed p0 a0
fault p0 a0.1 read
fault p0 a0.2 write
fault p0 a0 read
