"""A road between a browser and a gateway that tests can cut in the middle of an upload."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final

BLOCK_SIZE: Final = 16 * 1024


class Road:
    """Passes connections on to a port of this machine; `with` opens it and closes it.

    Attributes:
        limit: a connection over which a browser has sent more bytes is cut; None: none is.
    """

    def __init__(self, port: int) -> None:
        self.limit: int | None = None
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"http://localhost:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Road:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        for end in self._open:
            _close(end)

    def _accept(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += [near, far]
                for source, target, counts in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._pass, args=(source, target, counts), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        passed = 0
        with suppress(OSError):
            while block := source.recv(BLOCK_SIZE):
                passed += len(block) if counts else 0
                if self.limit is not None and passed > self.limit:
                    break
                target.sendall(block)
        _close(source)
        _close(target)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
