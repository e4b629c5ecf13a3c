mmfuzz 1
kernel: 6.18
plant: dax-idle-at-one
expect: fail refusal
note: truncating waits for a count of 1, which an idle page of an fsdax file does not have any more
frames: 1024
huge: 3

write_file dax0.0
