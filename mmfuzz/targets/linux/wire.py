"""What the target says to its server and workers, and what they answer: fixed-size binary messages.

A request is `REQUEST` and possibly a payload, an answer is `ANSWER` (an errno, 0 when done) and possibly a
payload. Payloads: values of pages as 64-bit words, page numbers as 16-bit words, text.
"""

from __future__ import annotations

import struct
from typing import Final

REQUEST: Final = struct.Struct("<BBHIQQ")
"""Command, handle, flags, pages, address, argument."""
ANSWER: Final = struct.Struct("<i")
MESSAGE_MAX: Final = 1 << 16

# For workers
MAP: Final = 1
UNMAP: Final = 2
READ: Final = 3
WRITE: Final = 4
"""The argument is the value of the first page; the next pages get the next values."""
FORK: Final = 5
"""The argument is the slot of the child; answers its pid."""
EXIT: Final = 6
PIN: Final = 7
GET: Final = 8
SPLIT_MAP: Final = 9
COLD: Final = 10
COLLAPSE: Final = 11
DONTNEED: Final = 12
PAGEOUT: Final = 13
MIGRATE: Final = 14
"""The argument is a bit mask of NUMA nodes."""
DRAIN_ALL: Final = 15
READ_SOME: Final = 16
"""The payload holds the page numbers, from `address`."""
PROTECT: Final = 17

# For the server
START: Final = 1
"""Fork process 0."""
SWAP: Final = 2
"""The payload is "zram" or a path, the argument the size in bytes; answers the device or file."""

# Flags
HUGE: Final = 1
"""Huge pages are wanted in this area while the command runs."""
FOR_WRITING: Final = 2
UNSETTLED: Final = 4
"""Leave the LRU batches as they are: only the self-test wants that."""
