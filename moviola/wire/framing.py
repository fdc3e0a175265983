"""Frames: a fixed prefix, a msgpack header, a raw payload.

    offset  size  field
    0       4     magic, the bytes "MVLA"
    4       4     header size, unsigned, big-endian
    8       8     payload size, unsigned, big-endian
    16      8     xxh3_64 of the payload (seed 0), unsigned, big-endian; 0 without payload
    24            header, then payload

`FrameReader` turns received bytes into frames and owns no socket. It hands out the buffer to receive into, so that
a large payload goes from the kernel straight into its own memory and is never copied. What is announced costs nothing:
memory grows with the bytes that have come, to at most four times as many.
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
PREFIX: Final = struct.Struct("!4sIQQ")

_ZEROS: Final = bytes(RECEIVE_STEP)

Buffer = bytes | bytearray | memoryview


class Frame(NamedTuple):
    """One whole frame; the payload belongs to the receiver and is `xxh3`-checked. A payload that did not match its
    checksum is dropped: `is_damaged`, and the next frame begins where it should."""

    header: bytes
    payload: bytes | bytearray
    xxh3: int
    is_damaged: bool = False


class Section(Enum):
    """Which part of a frame has come in part, and is received in place."""

    PREFIX = "prefix"
    HEADER = "header"
    PAYLOAD = "payload"


def checksum(payload: Buffer) -> int:
    """xxh3_64 of a payload; 0 for an empty one, as the prefix has it."""
    return xxhash.xxh3_64_intdigest(payload) if len(payload) else 0


def prefix(header: bytes, payload_size: int, payload_xxh3: int) -> bytes:
    """The prefix and the header of a frame, ready to send; the payload follows by itself."""
    return PREFIX.pack(MAGIC, len(header), payload_size, payload_xxh3) + header


def _allow_all(_header: bytes) -> int:
    return MAX_PAYLOAD


class FrameReader:
    """Bytes in, frames out.

    Use: receive into `buffer()`, then call `received(count)`, and take the frames. An empty buffer means that there is
    no memory for more of this frame now. `max_header` may be raised when a handshake is done.

    Args:
        max_header: bytes of a header.
        payload_limit: asked with each whole header, before anything of its payload is received: the bytes of payload
            that may come with it. It may raise ProtocolError.
        scratch: memory shared by all readers of one loop; nothing in it outlives the call of `received`.
        budget: has the memory for what is in progress.
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
        """True between two frames: the connection may end here without tearing a message."""
        return self._section is None and not self.has_unparsed

    @property
    def has_unparsed(self) -> bool:
        """True if `frames` may have more without anything being received."""
        return len(self._data) > 0

    def buffer(self) -> memoryview:
        """Where the next bytes are to be received. Release it before the next call."""
        if self._section is None:
            return memoryview(self._scratch)[: FREE_SHARE if self.account.is_scarce else None]
        if self._filled == len(self._part):
            self._grow()
        return memoryview(self._part)[self._filled :]

    def received(self, count: int) -> Iterator[Frame]:
        """The frames that `count` bytes more in `buffer()` complete, each parsed when it is asked for: a limit that
        one message changes holds for the next, though both came with the same bytes. Take them all, or `keep` the
        rest, before you receive again.

        Raises:
            ProtocolError: bad magic, a size over its limit.
        """
        if self._section is None:
            self._data = memoryview(self._scratch)[:count]
        else:
            self._filled += count
        return self.frames()

    def frames(self) -> Iterator[Frame]:
        """The frames in what was received, and not taken yet."""
        while (frame := self._next()) is not None:
            yield frame

    def keep(self) -> None:
        """Keeps what was not parsed: the memory that it was received into is used again. It is no part of a frame in
        progress: none is begun before the bytes are looked at."""
        if self.has_unparsed and self._data.obj is self._scratch:
            self._data = memoryview(bytes(self._data))
            self._kept.charge(len(self._data))

    def close(self) -> None:
        """Gives all memory back."""
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
        """Takes as much of the next frame as has come; False when nothing has."""
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
            raise ProtocolError(ErrorCode.TOO_LARGE, f"a payload of {size} bytes; {allowed} are allowed here")
        self.account.release()
        self._begin(Section.PAYLOAD, size)

    def _begin(self, section: Section, size: int) -> None:
        """Takes what has come of a section."""
        here = min(size, len(self._data))
        self._section, self._size, self._filled = section, size, here
        self._part = bytearray(self._data[:here])
        self._skip(here)
        if here < size:
            self.account.charge(here)

    def _skip(self, size: int) -> None:
        self._data = self._data[size:]

    def _grow(self) -> None:
        """Makes room for three times what has come, if there is memory for it; doubling costs twice as many moves."""
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
                ErrorCode.TOO_LARGE, f"a header of {header_size} bytes; {self.max_header} are allowed here"
            )
        if payload_size > MAX_PAYLOAD:
            raise ProtocolError(
                ErrorCode.TOO_LARGE, f"a payload of {payload_size} bytes; {MAX_PAYLOAD} are allowed anywhere"
            )
        return header_size, payload_size, expected

    def _check_begun(self) -> None:
        """Garbage is refused at once, not after 24 bytes."""
        if self._section is Section.PREFIX:
            self._checked_magic(bytes(self._part[: min(self._filled, len(MAGIC))]))

    @staticmethod
    def _checked_magic(magic: bytes) -> None:
        if not MAGIC.startswith(magic):
            raise ProtocolError(ErrorCode.NOT_MOVIOLA, f"these bytes do not begin a Moviola frame: {magic!r}")
