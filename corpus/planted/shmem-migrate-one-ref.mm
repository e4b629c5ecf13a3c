mmfuzz 1
kernel: 6.18
plant: shmem-migrate-one-ref
expect: fail identity
note: migrating a large shmem folio in the swap cache moves one reference where the cache holds one a page
frames: 1024
huge: 3

map p0 a0 huge0 private
fault p0 a0.0 read
swap_out p0 a0.0
migrate p0 a0.0
