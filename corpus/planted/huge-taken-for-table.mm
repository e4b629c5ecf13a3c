mmfuzz 1
kernel: 4.13
plant: huge-taken-for-table
expect: fail fault-context
memory: sc
schedule: a63b40a11
found: exploring around-against-huge
note: what another thread has put under the PMD meanwhile is taken for a page table, be it a huge page
frames: 1024
huge: 2

read_file huge0.0
map p0 a0 huge0 shared

thread around
fault p0 a0.0 read

thread huge
fault p0 a0.2 read
