mmfuzz 1
kernel: 6.18
expect: pass
note: split, collapse, migration and reclaim leave alone what they cannot lock
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
fail trylock
split p0 a0.0
fail trylock
migrate p0 a0.0
fail trylock
swap_out p0 a0
split_map p0 a0
fail trylock
collapse p0 a0
collapse p0 a0
