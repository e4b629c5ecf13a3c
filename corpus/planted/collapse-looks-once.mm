mmfuzz 1
kernel: 6.18
plant: collapse-looks-once
expect: fail refusal
note: references are compared while scanning and not again, so what is swapped in meanwhile may be held
frames: 1024
huge: 3

alloc p0 a0 base
get p0 a0.0 write h0
swap_out p0 a0.0
collapse p0 a0
