mmfuzz 1
kernel: 3.2
huge: 1
memory: weak
note: a driver's get_page() of a tail, while the huge page is split (70b50f94f164, "mm: thp: tail page refcounting fix", v3.2)

alloc p0 a0 huge
fault p0 a0.0 write
get p0 a0.1 read h0
drain

thread get
dup h1 h0

thread split
split p0 a0.0
