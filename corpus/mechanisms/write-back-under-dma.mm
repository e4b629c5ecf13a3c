mmfuzz 1
kernel: 6.2
expect: pass
note: before v6.5 a device could write to a page that was being written to disk; its driver dirties it, and it is written again

map p0 a0 disk0 shared
pin p0 a0.0 write h0
write_back disk0.0
dma h0 write
end_write_back disk0
dma h0 write
unpin h0
swap_out p0 a0.0
read_file disk0.0
