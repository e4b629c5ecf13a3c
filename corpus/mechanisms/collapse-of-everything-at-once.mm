mmfuzz 1
kernel: 6.18
expect: pass
note: base pages, a part of a large folio, swap entries and the zero page become one

alloc p0 a0 order2
fault p0 a0.0 write
dontneed p0 a0.1
fault p0 a0.1 write
fault p0 a0.4+2 write
swap_out p0 a0.4
fault p0 a0.4 read
collapse p0 a0
fault p0 a0 read
