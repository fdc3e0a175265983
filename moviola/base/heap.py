"""How a process through which large blocks go gives their memory back."""

from __future__ import annotations

import ctypes
from typing import Final

M_MMAP_THRESHOLD: Final = -3
"""The parameter of glibc's mallopt(3)."""

MAPPED_SIZE: Final = 256 * 1024
"""From this on a block is mapped by itself, and goes back to the system when it is freed. By default glibc raises its
limit to the largest block that was freed, and keeps chunks of megabytes in the heap of each thread that read one."""


def give_back_large_blocks() -> None:
    """Have large blocks leave the process when they are freed, where the C library is one that can be told so."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MAPPED_SIZE)
