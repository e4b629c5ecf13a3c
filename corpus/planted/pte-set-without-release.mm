mmfuzz 1
kernel: 6.18
plant: pte-set-without-release
expect: fail contents
memory: weak
schedule: b29a11^2a2
found: exploring gup-fast-against-fault
note: an entry is set without a barrier after its page was cleared and prepared
frames: 1024
huge: 1

alloc p0 a0 base
fault p0 a0.0 write
alloc p0 a1 base
fault p0 a1.1 write
drain
dontneed p0 a0.0

thread gup
get_fast p0 a1.0 read h0
put h0

thread fault
fault p0 a1.0 write
