"""How a process through which large blocks go gives their memory back."""

from __future__ import annotations

import ctypes
from typing import Final

M_MMAP_THRESHOLD: Final = -3
"""The parameter of glibc's mallopt(3)."""

MAPPED_SIZE: Final = 256 * 1024
"""Bytes from which on a block of memory is mapped by itself, so that it goes back to the system when it is freed. By
default glibc raises this threshold to the size of the largest block that was freed, and then keeps chunks of megabytes
in the heap of each thread that has read one."""


def give_back_large_blocks() -> None:
    """Have the C library give large blocks back to the system when they are freed, if it is one that has mallopt."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MAPPED_SIZE)
