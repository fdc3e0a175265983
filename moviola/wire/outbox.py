"""What waits to be sent on one connection: frames in memory and payloads in files, in order.

There are no sockets in this module: a transport asks what comes next, and tells how much of it has left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from moviola.wire import limits
from moviola.wire.framing import Buffer

MAX_BUFFERS_PER_WRITE: Final = 64
"""Buffers in one call of sendmsg. Systems allow at least 1024 (IOV_MAX); more than 64 gain nothing."""

_ZEROS: Final = memoryview(bytes(limits.MIB))


@dataclass(slots=True)
class FileSlice:
    """A payload in a file, sent by sendfile.

    Bytes that cannot be read are sent as zeros: the checksum tells the receiver that the message is damaged, and the
    connection stays open. The connection is closed only if no descriptor is left to open the file.

    Attributes:
        descriptor: returns the open file; called whenever bytes can be sent, so a waiting slice needs no descriptor.
        offset: where the payload begins in the file, in bytes.
        size: its size in bytes.
        release: called once, when the bytes were sent or never will be. Until then they must not change.
    """

    descriptor: Callable[[], int]
    offset: int
    size: int
    release: Callable[[], None]


class Outbox:
    """The bytes that one connection has still to send.

    Use: while `first` is not None, send it if it is a FileSlice, else send `batch()`; then tell `slice_sent` or
    `batch_sent` how many bytes were taken.
    """

    __slots__ = ("_batch", "_parts", "file_bytes", "memory_bytes")

    def __init__(self) -> None:
        self._parts: deque[memoryview | FileSlice] = deque()
        self._batch: list[memoryview] = []
        self.memory_bytes = 0
        self.file_bytes = 0

    def __bool__(self) -> bool:
        """Return True if anything waits."""
        return bool(self._parts)

    @property
    def size(self) -> int:
        """Return how many bytes wait, in memory and in files."""
        return self.memory_bytes + self.file_bytes

    @property
    def is_beyond_bounds(self) -> bool:
        """Return True if so much waits in memory that the connection has to be closed."""
        return self.memory_bytes > limits.MAX_BACKLOG

    @property
    def is_high(self) -> bool:
        """Return True if so much waits in memory that the other side's questions have to wait."""
        return self.memory_bytes >= limits.HIGH_WATERMARK

    @property
    def is_low(self) -> bool:
        """Return True if so little waits in memory that the other side may ask again."""
        return self.memory_bytes < limits.LOW_WATERMARK

    @property
    def first(self) -> memoryview | FileSlice | None:
        """Return what has to be sent next; None if nothing waits."""
        return self._parts[0] if self._parts else None

    def put(self, data: Buffer) -> None:
        """Append bytes. They must not change until they were sent."""
        if len(data):
            self._parts.append(memoryview(data))
            self.memory_bytes += len(data)

    def put_slice(self, part: FileSlice) -> None:
        """Append the bytes of a file."""
        if not part.size:
            return part.release()
        self._parts.append(part)
        self.file_bytes += part.size
        return None

    def batch(self) -> list[memoryview]:
        """Return the next buffers in memory, up to the next slice, for one call of sendmsg."""
        self._batch = []
        for part in self._parts:
            if isinstance(part, FileSlice) or len(self._batch) == MAX_BUFFERS_PER_WRITE:
                break
            self._batch.append(part)
        return self._batch

    def batch_sent(self, count: int) -> bool:
        """Remove what was sent of the last `batch`; return True if that was all of it.

        Args:
            count: bytes sent.
        """
        self.memory_bytes -= count
        batch, self._batch = self._batch, []  # nothing keeps what was sent: it may be large
        for part in batch:
            if count < len(part):
                self._parts[0] = part[count:]
                return False
            count -= len(part)
            self._parts.popleft()
        return True

    def slice_sent(self, count: int) -> None:
        """Remove what was sent of the slice that comes first, and the slice itself if that was its end.

        Args:
            count: bytes sent.
        """
        part = self._first_slice()
        part.offset += count
        part.size -= count
        self.file_bytes -= count
        if not part.size:
            self._parts.popleft()
            part.release()

    def slice_unreadable(self) -> None:
        """Put zeros in the place of what is left of the slice that comes first."""
        part = self._first_slice()
        self._parts.popleft()
        whole, rest = divmod(part.size, len(_ZEROS))
        self._parts.extendleft([_ZEROS[:rest]] * (rest > 0) + [_ZEROS] * whole)
        self.memory_bytes += part.size
        self.file_bytes -= part.size
        part.size = 0
        part.release()

    def clear(self) -> None:
        """Drop everything, and release all slices: none of it will be sent."""
        unsent = [part for part in self._parts if isinstance(part, FileSlice)]
        self._parts.clear()
        self.memory_bytes = self.file_bytes = 0
        for part in unsent:
            part.release()

    def _first_slice(self) -> FileSlice:
        part = self._parts[0]
        assert isinstance(part, FileSlice)
        return part
