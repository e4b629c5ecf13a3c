mmfuzz 1
kernel: 6.18
plant: pmd-split-n-refs
expect: fail identity
note: splitting a PMD mapping adds n references where one of the n PTEs inherits the PMD's
frames: 1024
huge: 3

alloc p0 a0 huge
fault p0 a0.0 write
split_map p0 a0
