mmfuzz 1
kernel: 6.18
expect: pass
note: a pin for writing replaces the huge zero page by a huge folio

alloc p0 a0 huge
fault p0 a0.0 read
pin p0 a0.5 write h0
dma h0 write
fault p0 a0.5 read
