mmfuzz 1
kernel: 6.18
plant: unpin-of-a-get
expect: fail assertion
note: a driver releases with unpin_user_page() what it took with get_user_pages()
frames: 1024
huge: 3

alloc p0 a0 base
get p0 a0.0 write h0
