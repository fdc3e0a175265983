"""A gate in the network: a relay that holds a connection once it has carried so many bytes."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final

from tests.waiting import until

PIECE_SIZE: Final = 4096


class Relay:
    """Passes on what connections to its `port` say to a server, and what that answers; `with` starts it and ends it.

    The first connection that has said `hold_after` bytes is held, until `release`. When one side ends a connection, a
    held one as well, the other side's ends with it.

    Args:
        server_port: of the server, on this machine.
        hold_after: bytes from the client.
    """

    def __init__(self, server_port: int, hold_after: int) -> None:
        self._server_port, self._hold_after = server_port, hold_after
        self._is_holding, self._gate = threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Relay:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in list(self._open):
            _end(one)

    def wait_until_it_holds(self) -> None:
        """Wait until a connection is held."""
        until(self._is_holding.is_set, f"a connection that says {self._hold_after} bytes")

    def release(self) -> None:
        """Let the held connection go on. No other one will be held."""
        self._gate.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._server_port))
                except OSError:
                    client.close()
                    continue
                self._open |= {client, server}
                threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_clients: bool) -> None:
        said = 0
        with suppress(OSError):
            while piece := source.recv(PIECE_SIZE):
                sink.sendall(piece)
                said += len(piece)
                if is_clients and said >= self._hold_after and not self._is_holding.is_set():
                    self._is_holding.set()
                    self._gate.wait()
        for one in (source, sink):
            _end(one)
            self._open.discard(one)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
