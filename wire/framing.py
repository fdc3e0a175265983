"""Frames: a fixed prefix, a msgpack header, a raw payload.

    offset  size  field
    0       4     magic, the bytes "MVLA"
    4       4     header size, unsigned, big-endian
    8       8     payload size, unsigned, big-endian
    16      8     xxh3_64 of the payload (seed 0), unsigned, big-endian; 0 without payload
    24            header, then payload

`FrameReader` turns received bytes into frames and owns no socket. It hands out the buffer to receive into, so that
a large payload goes from the kernel straight into its own memory and is never copied.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

import xxhash

from wire.errors import ProtocolError
from wire.limits import RECEIVE_BUFFER

MAGIC: Final = b"MVLA"
PREFIX: Final = struct.Struct("!4sIQQ")

Buffer = bytes | bytearray | memoryview


class Frame(NamedTuple):
    """One whole frame; the payload belongs to the receiver and is `xxh3`-checked."""

    header: bytes
    payload: bytes | bytearray
    xxh3: int


def checksum(payload: Buffer) -> int:
    """xxh3_64 of a payload; 0 for an empty one, as the prefix has it."""
    return xxhash.xxh3_64_intdigest(payload) if len(payload) else 0


def prefix(header: bytes, payload_size: int, payload_xxh3: int) -> bytes:
    """The prefix and the header of a frame, ready to send; the payload follows by itself."""
    return PREFIX.pack(MAGIC, len(header), payload_size, payload_xxh3) + header


class FrameReader:
    """Bytes in, frames out.

    Use: receive into `buffer()`, then call `received(count)`. Limits may be raised when a handshake is done.

    Args:
        scratch: memory shared by all readers of one loop; nothing in it outlives the call of `received`.
    """

    def __init__(self, *, max_header: int, max_payload: int, scratch: bytearray | None = None) -> None:
        self.max_header = max_header
        self.max_payload = max_payload
        self._scratch = scratch if scratch is not None else bytearray(RECEIVE_BUFFER)
        self._pending = b""  # an incomplete prefix and header
        self._header = b""  # header of the frame whose payload is on its way
        self._payload: bytearray | None = None
        self._filled = 0
        self._expected_xxh3 = 0

    @property
    def idle(self) -> bool:
        """True between two frames: the connection may end here without tearing a message."""
        return not self._pending and self._payload is None

    def buffer(self) -> memoryview:
        """Where the next bytes are to be received."""
        if self._payload is not None:
            return memoryview(self._payload)[self._filled :]
        return memoryview(self._scratch)

    def received(self, count: int) -> Iterator[Frame]:
        """The frames that `count` bytes more in `buffer()` complete, each parsed when it is asked for: a limit that
        one message changes holds for the next, though both came with the same bytes. Take them all before you
        receive again.

        Raises:
            ProtocolError: bad magic, a size over its limit, a payload that does not match its checksum.
        """
        if self._payload is not None:
            self._filled += count
            if self._filled == len(self._payload):
                yield self._take_payload()
            return
        data = memoryview(self._scratch)[:count]
        if self._pending:
            data = memoryview(self._pending + bytes(data))
            self._pending = b""
        yield from self._parse(data)

    def _parse(self, data: memoryview) -> Iterator[Frame]:
        offset = 0
        while len(data) - offset >= PREFIX.size:
            header_size, payload_size, expected = self._checked_prefix(data[offset : offset + PREFIX.size])
            payload_start = offset + PREFIX.size + header_size
            if len(data) < payload_start:
                break
            self._header = bytes(data[offset + PREFIX.size : payload_start])
            self._expected_xxh3 = expected
            self._payload = bytearray(payload_size)
            here = min(payload_size, len(data) - payload_start)
            self._payload[:here] = data[payload_start : payload_start + here]
            self._filled = here
            offset = payload_start + here
            if here < payload_size:
                return
            yield self._take_payload()
        rest = data[offset:]
        self._checked_magic(bytes(rest[: len(MAGIC)]))  # garbage is refused at once, not after 24 bytes
        self._pending = bytes(rest)

    def _checked_prefix(self, data: memoryview) -> tuple[int, int, int]:
        magic, header_size, payload_size, expected = PREFIX.unpack(data)
        self._checked_magic(magic)
        if header_size > self.max_header:
            raise ProtocolError("too-large", f"a header of {header_size} bytes; {self.max_header} are allowed here")
        if payload_size > self.max_payload:
            raise ProtocolError("too-large", f"a payload of {payload_size} bytes; {self.max_payload} are allowed here")
        return header_size, payload_size, expected

    @staticmethod
    def _checked_magic(magic: bytes) -> None:
        if not MAGIC.startswith(magic):
            raise ProtocolError("not-moviola", f"these bytes do not begin a Moviola frame: {magic!r}")

    def _take_payload(self) -> Frame:
        payload = self._payload
        assert payload is not None
        self._payload, self._filled = None, 0
        if checksum(payload) != self._expected_xxh3:
            raise ProtocolError("corrupt", f"a payload of {len(payload)} bytes does not match its checksum")
        return Frame(self._header, payload, self._expected_xxh3)
