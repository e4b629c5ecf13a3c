mmfuzz 1
kernel: 6.18
expect: pass
note: a pin brings its page home first, and then nothing makes the page leave

alloc p0 a0 huge
fault p0 a0 write
to_device p0 a0.3+2
pin p0 a0.3+2 write h0
to_device p0 a0
dma h0 write
fault p0 a0.3+2 read
unpin h0
to_device p0 a0.3+2
collapse p0 a0
