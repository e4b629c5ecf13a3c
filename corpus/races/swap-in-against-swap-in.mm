mmfuzz 1
kernel: 6.18
huge: 1
swap: zram
memory: sc
note: one swap entry is read twice past the swap cache, and is there again in between (13ddaf26be32, v6.8; CVE-2024-26759)

alloc p0 a0 base
fault p0 a0.0 write
swap_out p0 a0.0

thread one
fault p0 a0.0 read

thread other
fault p0 a0.0 write
swap_out p0 a0.0
