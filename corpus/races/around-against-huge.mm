mmfuzz 1
kernel: 4.13
huge: 2
memory: sc
note: the pages around a fault, while another thread maps a huge page there ("mm: postpone page table allocation until do_set_pte()", February 2016)

read_file huge0.0
map p0 a0 huge0 shared

thread around
fault p0 a0.0 read

thread huge
fault p0 a0.2 read
