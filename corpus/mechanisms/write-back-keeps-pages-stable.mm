mmfuzz 1
kernel: 6.18
expect: pass
note: who writes to a page on its way to disk waits until it is there; a long-term pin that may write is refused

map p0 a0 disk0 shared
fault p0 a0.0+2 write
write_back disk0.0+2
fault p0 a0.0 write
end_write_back disk0
pin p0 a0.0 write h0     # EFAULT
write_back disk0.0
write_file disk0.0
write_back disk0.0
truncate disk0 0
