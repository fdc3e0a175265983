"""Frames: a fixed prefix, a msgpack header, a raw payload.

    offset  size  field
    0       4     magic, the bytes "MVLA"
    4       4     header size, unsigned, big-endian
    8       8     payload size, unsigned, big-endian
    16      8     xxh3_64 of the payload (seed 0), unsigned, big-endian; 0 without payload
    24            header, then payload

`FrameReader` turns received bytes into frames and owns no socket. It hands out the buffer to receive into, so a large
payload goes from the kernel straight into its own memory and is never copied. An announced size costs nothing: memory
grows with the bytes received, to at most four times as many.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final, NamedTuple

import xxhash

from moviola.base.vocabulary import ErrorCode
from moviola.wire.budget import Budget
from moviola.wire.errors import ProtocolError
from moviola.wire.limits import FREE_SHARE, MAX_HEADER, MAX_PAYLOAD, RECEIVE_BUFFER, RECEIVE_STEP

MAGIC: Final = b"MVLA"
"""The first bytes of every frame; they tell a Moviola peer from any other."""

PREFIX: Final = struct.Struct("!4sIQQ")
"""The layout of a frame's prefix: magic, header size, payload size, checksum."""

_ZEROS: Final = bytes(RECEIVE_STEP)

Buffer = bytes | bytearray | memoryview


class Frame(NamedTuple):
    """One complete frame. The payload belongs to the receiver, and its checksum was verified.

    Attributes:
        header: the msgpack header.
        payload: the payload; empty if there is none, or if it was damaged.
        xxh3: the payload's checksum, as the prefix has it.
        is_damaged: the payload did not match its checksum and was dropped; the frames behind it are not affected.
    """

    header: bytes
    payload: bytes | bytearray
    xxh3: int
    is_damaged: bool = False


class Section(Enum):
    """The part of a frame that is being received."""

    PREFIX = "prefix"
    HEADER = "header"
    PAYLOAD = "payload"


def checksum(payload: Buffer) -> int:
    """Return the xxh3_64 of a payload; 0 for an empty one, as in the prefix."""
    return xxhash.xxh3_64_intdigest(payload) if len(payload) else 0


def prefix(header: bytes, payload_size: int, payload_xxh3: int) -> bytes:
    """Return the prefix and the header of a frame, ready to send; the caller sends the payload behind them.

    Args:
        header: the msgpack header.
        payload_size: bytes of the payload.
        payload_xxh3: checksum of the payload, as `checksum` returns it.
    """
    return PREFIX.pack(MAGIC, len(header), payload_size, payload_xxh3) + header


def _allow_all(_header: bytes) -> int:
    return MAX_PAYLOAD


class FrameReader:
    """Turns received bytes into frames.

    Use: receive into `buffer()`, then call `received(count)`, and take the frames. An empty buffer means that there is
    no memory for more of this frame now. `max_header` may be raised when a handshake is done.

    Args:
        max_header: the most bytes that a header may have.
        payload_limit: called with each complete header, before its payload is received; returns how many bytes of
            payload may come with it, and may raise ProtocolError.
        scratch: the receive buffer shared by all readers of one loop; nothing in it outlives the call of `received`.
        budget: the memory for frames in progress.
    """

    def __init__(
        self,
        *,
        max_header: int = MAX_HEADER,
        payload_limit: Callable[[bytes], int] = _allow_all,
        scratch: bytearray | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.max_header = max_header
        budget = budget if budget is not None else Budget()
        self.account = budget.account()  # of the frame in progress
        self._kept = budget.account()  # of what is not parsed yet
        self._payload_limit = payload_limit
        self._scratch = scratch if scratch is not None else bytearray(RECEIVE_BUFFER)
        self._data = memoryview(b"")  # received and not parsed yet
        self._section: Section | None = None  # None: between two frames
        self._part = bytearray()  # of that section; its length is the memory taken for it
        self._size = self._filled = 0  # of that section
        self._prefix = (0, 0, 0)  # of the frame in progress
        self._header = b""

    @property
    def idle(self) -> bool:
        """Return True between two frames: the connection may end here without cutting a message."""
        return self._section is None and not self.has_unparsed

    @property
    def has_unparsed(self) -> bool:
        """Return True if bytes were received that `frames` has not looked at yet."""
        return len(self._data) > 0

    def buffer(self) -> memoryview:
        """Return the memory to receive the next bytes into; empty if there is none now. Release it before the next
        call."""
        if self._section is None:
            return memoryview(self._scratch)[: FREE_SHARE if self.account.is_scarce else None]
        if self._filled == len(self._part):
            self._grow()
        return memoryview(self._part)[self._filled :]

    def received(self, count: int) -> Iterator[Frame]:
        """Yield the frames that are complete after `count` more bytes in `buffer()`.

        Each frame is parsed only when it is asked for, so a limit that one message changes applies to the next one,
        even if both came together. Take all frames, or call `keep`, before you receive again.

        Raises:
            ProtocolError: the magic is wrong, or a size is over its limit.
        """
        if self._section is None:
            self._data = memoryview(self._scratch)[:count]
        else:
            self._filled += count
        return self.frames()

    def frames(self) -> Iterator[Frame]:
        """Yield the frames in the bytes received and not parsed yet. Raises ProtocolError as `received` does."""
        while (frame := self._next()) is not None:
            yield frame

    def keep(self) -> None:
        """Copy the bytes that were not parsed yet, because the shared buffer that they are in is about to be used
        again."""
        if self.has_unparsed and self._data.obj is self._scratch:
            self._data = memoryview(bytes(self._data))
            self._kept.charge(len(self._data))

    def close(self) -> None:
        """Give all memory back."""
        self._data, self._part, self._section = memoryview(b""), bytearray(), None
        self.account.release()
        self._kept.release()

    # ── sections ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _next(self) -> Frame | None:
        while True:
            if self._section is None and not self._begin_frame():
                return None
            if self._filled < self._size:
                self._check_begun()
                return None
            if self._section is Section.PAYLOAD:
                return self._take_payload()
            if self._section is Section.PREFIX:
                self._begin_header(self._checked_prefix(self._part))
            else:
                self._begin_payload(bytes(self._part))

    def _begin_frame(self) -> bool:
        """Begin the next frame with the bytes received; return False if there are none."""
        size = len(self._data)
        if not size:
            self._kept.release()
            return False
        if size < PREFIX.size:
            self._begin(Section.PREFIX, PREFIX.size)
            return True
        found = self._checked_prefix(self._data[: PREFIX.size])
        end = PREFIX.size + found[0]
        if size < end:
            self._skip(PREFIX.size)
            self._begin_header(found)
        else:
            header = bytes(self._data[PREFIX.size : end])
            self._skip(end)
            self._prefix = found
            self._begin_payload(header)
        return True

    def _begin_header(self, found: tuple[int, int, int]) -> None:
        self._prefix = found
        self._begin(Section.HEADER, found[0])

    def _begin_payload(self, header: bytes) -> None:
        self._header = header
        size, allowed = self._prefix[1], self._payload_limit(header)
        if size > allowed:
            raise ProtocolError(ErrorCode.TOO_LARGE, f"a payload of {size} bytes; at most {allowed} are allowed here")
        self.account.release()
        self._begin(Section.PAYLOAD, size)

    def _begin(self, section: Section, size: int) -> None:
        """Begin a section with the bytes of it that were received."""
        here = min(size, len(self._data))
        self._section, self._size, self._filled = section, size, here
        self._part = bytearray(self._data[:here])
        self._skip(here)
        if here < size:
            self.account.charge(here)

    def _skip(self, size: int) -> None:
        self._data = self._data[size:]

    def _grow(self) -> None:
        """Make room for three times the bytes received so far, if there is memory; doubling would copy twice as
        often."""
        left = self._size - self._filled
        more = min(left, max(3 * self._filled, FREE_SHARE // 4))
        if self.account.take(more, left):
            for _ in range(more // RECEIVE_STEP):
                self._part += _ZEROS
            self._part += _ZEROS[: more % RECEIVE_STEP]

    def _take_payload(self) -> Frame:
        payload, expected = self._part, self._prefix[2]
        self._part, self._section = bytearray(), None
        self.account.release()
        if checksum(payload) != expected:
            return Frame(self._header, b"", expected, is_damaged=True)
        return Frame(self._header, payload, expected)

    # ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _checked_prefix(self, data: Buffer) -> tuple[int, int, int]:
        magic, header_size, payload_size, expected = PREFIX.unpack(data)
        self._checked_magic(magic)
        if header_size > self.max_header:
            raise ProtocolError(
                ErrorCode.TOO_LARGE, f"a header of {header_size} bytes; at most {self.max_header} are allowed here"
            )
        if payload_size > MAX_PAYLOAD:
            raise ProtocolError(
                ErrorCode.TOO_LARGE, f"a payload of {payload_size} bytes; at most {MAX_PAYLOAD} are ever allowed"
            )
        return header_size, payload_size, expected

    def _check_begun(self) -> None:
        """Refuse a wrong magic at once, before the whole prefix has come."""
        if self._section is Section.PREFIX:
            self._checked_magic(bytes(self._part[: min(self._filled, len(MAGIC))]))

    @staticmethod
    def _checked_magic(magic: bytes) -> None:
        if not MAGIC.startswith(magic):
            raise ProtocolError(ErrorCode.NOT_MOVIOLA, f"these bytes do not start a Moviola frame: {magic!r}")
