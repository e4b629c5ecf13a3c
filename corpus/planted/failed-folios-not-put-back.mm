mmfuzz 1
kernel: 6.18
plant: failed-folios-not-put-back
expect: fail identity
note: large folios that could not migrate stay isolated, on a list that nobody looks at again
frames: 1024
huge: 3

alloc p0 a0 order2
pin p0 a0.0 write h0
migrate p0 a0.0
