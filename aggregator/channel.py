"""Messages between the aggregator and its splicing process: msgpack maps over a socket pair, each after its size."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from typing import Any, Final

import msgpack

_SIZE: Final = struct.Struct("!I")

SEND_TIMEOUT_S: Final = 10.0
"""A process that takes no request for so long is hung (a request is at most some 10 MB)."""

READ_SIZE: Final = 256 * 1024


class Channel:
    """One end. `send` may block for SEND_TIMEOUT_S, `received` blocks as its caller asks."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(SEND_TIMEOUT_S)
        self._sock = sock
        self._pending = bytearray()

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, message: dict[str, Any]) -> None:
        """Raises OSError when the other end is gone, or takes nothing (TimeoutError)."""
        packed = msgpack.packb(message)
        self._sock.sendall(_SIZE.pack(len(packed)) + packed)

    def received(self, *, wait: bool) -> Iterator[dict[str, Any]]:
        """The messages that have come: after one read, or with `wait` until there are some.

        Raises EOFError when the other end is gone.
        """
        while True:
            if (data := self._read(wait)) is None:
                return
            self._pending += data
            messages = list(self._take())
            yield from messages
            if messages or not wait:
                return

    def close(self) -> None:
        self._sock.close()

    def _read(self, wait: bool) -> bytes | None:
        try:
            # a socket with a timeout has a non-blocking descriptor, which only `recv` waits for
            data = self._sock.recv(READ_SIZE) if wait else os.read(self._sock.fileno(), READ_SIZE)
        except TimeoutError:
            return b""
        except BlockingIOError:
            return None
        except OSError as error:
            raise EOFError(str(error)) from None
        if not data:
            raise EOFError("the other end is closed")
        return data

    def _take(self) -> Iterator[dict[str, Any]]:
        while len(self._pending) >= _SIZE.size:
            (size,) = _SIZE.unpack_from(self._pending)
            end = _SIZE.size + size
            if len(self._pending) < end:
                return
            message = msgpack.unpackb(bytes(self._pending[_SIZE.size : end]))
            del self._pending[:end]
            yield message
