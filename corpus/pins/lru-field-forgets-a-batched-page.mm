mmfuzz 1
kernel: 6.18
pins: lru-field
expect: fail refusal
note: pinned while it waits in an LRU batch, a page is on no LRU list when pin and batch have gone, so nothing moves it any more
frames: 1024
huge: 3

alloc p0 a0 base
pin p0 a0.0 read h0
collapse p0 a0
unpin h0
collapse p0 a0
