mmfuzz 1
kernel: 6.18
plant: file-pinned-for-writing
expect: fail refusal
note: a long-term pin may write to a shared mapping of a file on disk, which is then written while it changes
frames: 1024
huge: 3

map p0 a0 disk0 shared
pin p0 a0.0 write h0
