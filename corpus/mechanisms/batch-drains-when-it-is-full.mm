mmfuzz 1
kernel: 6.18
expect: pass
note: thirty-one fresh base pages fill an LRU batch, which then drains by itself
huge: 6

alloc p0 a0 base
fault p0 a0.0+30 write
fault p0 a0.30 write
fault p0 a0.31+30 write
