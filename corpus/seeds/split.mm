mmfuzz 1
kernel: 6.18
expect: pass
note: a huge page becomes base pages that keep their contents

alloc p0 a0 huge
fault p0 a0 write
split p0 a0.3
fault p0 a0 read
fault p0 a0.3 write
free p0 a0
