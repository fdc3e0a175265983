"""The channel between the aggregator and a splicing process: msgpack maps as headers of frames over a socket pair.

The messages are in aggregator/splice_messages.py.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Final

import msgpack

from moviola.base.mapped import Map
from moviola.wire.framing import FrameReader, prefix

SEND_TIMEOUT_S: Final = 10.0
"""A process that takes no request for so long is hung (a request is at most some 10 MB)."""

MAX_MESSAGE: Final = 2**32 - 1
"""Bytes of a message: all that a frame can hold. The other end is a process of our own, and what a job may have bounds
its request."""


class Channel:
    """One end. `send` may block for SEND_TIMEOUT_S, `received` blocks as its caller asks."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(SEND_TIMEOUT_S)
        self._sock = sock
        self._reader = FrameReader(max_header=MAX_MESSAGE)

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, message: Map) -> None:
        """Send a message. Raises OSError if the other end is gone, TimeoutError if it takes nothing."""
        self._sock.sendall(prefix(msgpack.packb(message), 0, 0))

    def received(self, *, wait: bool) -> Iterator[object]:
        """The messages that have come: after one read, or with `wait` until there are some.

        Raises EOFError when the other end is gone.
        """
        while True:
            try:
                count = self._read(wait)
            except TimeoutError:
                continue
            except BlockingIOError:
                return
            messages = [msgpack.unpackb(frame.header) for frame in self._reader.received(count)]
            yield from messages
            if messages or not wait:
                return

    def close(self) -> None:
        self._sock.close()

    def _read(self, wait: bool) -> int:
        """Receive what is there, and return how many bytes that is.

        Raises EOFError at the end, TimeoutError after a long wait, BlockingIOError where nothing is there.
        """
        with self._reader.buffer() as buffer:
            try:
                # a socket with a timeout has a non-blocking descriptor, which only `recv` waits for
                count = self._sock.recv_into(buffer) if wait else os.readv(self._sock.fileno(), [buffer])
            except (TimeoutError, BlockingIOError):
                raise
            except OSError as error:
                raise EOFError(str(error)) from None
        if not count:
            raise EOFError("the other end is closed")
        return count
