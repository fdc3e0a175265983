"""A few bytes that a child and its parent share: they outlive the child, however it dies.

    offset  size  field
    0       1     stage: how far the process has come
    1       1     1 while a lease is computed, else 0
    2       1     1 while the cluster drains it, else 0
    3       5     nothing
    8       8     turns of the network thread: a sign of life
    16      8+8   the lease: epoch, sequence

The file has no name and goes with the last process that has it open.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from enum import IntEnum
from typing import Final

from moviola.wire.schema import Lease

SIZE: Final = 32
_TURNS: Final = struct.Struct("=Q")
_LEASE: Final = struct.Struct("=QQ")


class Stage(IntEnum):
    """How far a worker's process has come since it was started."""

    STARTING = 0
    RUNNING = 1  # everything is imported, the loop turns
    WELCOMED = 2  # the middleware knows this process, and how its predecessor died


class Note:
    """One shared note. Each field has one writer: the network thread writes `stage`, `turns` and `is_dismissed`, the
    compute thread `lease`."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._memory = mmap.mmap(fd, SIZE)

    @classmethod
    def create(cls) -> Note:
        """Return a new, empty status in memory that has no name. Raises OSError."""
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(bytes(SIZE))  # a file of nothing but a size gets its room later, where lack of it is a SIGBUS
            return cls(os.dup(file.fileno()))

    def clear(self) -> None:
        """Clear the note for the next child."""
        self._memory[:] = bytes(SIZE)

    @property
    def stage(self) -> Stage:
        return Stage(self._memory[0])

    @stage.setter
    def stage(self, stage: Stage) -> None:
        self._memory[0] = stage

    @property
    def is_dismissed(self) -> bool:
        """Whether the cluster drains this process: once it has ended, it is not started again."""
        return bool(self._memory[2])

    @is_dismissed.setter
    def is_dismissed(self, value: bool) -> None:
        self._memory[2] = value

    @property
    def turns(self) -> int:
        return int(_TURNS.unpack_from(self._memory, 8)[0])

    def turned(self) -> None:
        """Count a turn of the loop."""
        _TURNS.pack_into(self._memory, 8, self.turns + 1)

    @property
    def lease(self) -> Lease | None:
        return Lease(*_LEASE.unpack_from(self._memory, 16)) if self._memory[1] else None

    @lease.setter
    def lease(self, lease: Lease | None) -> None:
        self._memory[1] = 0  # never a flag beside half a lease
        if lease is not None:
            _LEASE.pack_into(self._memory, 16, *lease)
            self._memory[1] = 1

    def close(self) -> None:
        """Free the memory and the descriptor."""
        self._memory.close()
        os.close(self.fd)
