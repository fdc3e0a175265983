"""Relays of connections: one that holds them in their middle, and one that cuts them."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from tests.waiting import until

PIECE_SIZE: Final = 4096


class _Relay:
    """Passes on what connections to its `port` say to a server, and what that answers; `with` starts it and ends it.

    When one side ends a connection, the other side's ends with it.

    Args:
        server_port: of the server, on this machine.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in list(self._open):
            _end(one)

    def _goes_on(self, said: int) -> bool:
        """Return False where a connection is to end whose client has said so many bytes, all of them passed on."""
        raise NotImplementedError

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
                if is_clients and not self._goes_on(said):
                    break
        for one in (source, sink):
            _end(one)
            self._open.discard(one)


class HoldingRelay(_Relay):
    """A gate in the network: the first connection that has said `hold_after` bytes is held, until `release`."""

    def __init__(self, server_port: int, hold_after: int) -> None:
        super().__init__(server_port)
        self._hold_after = hold_after
        self._is_holding, self._gate = threading.Event(), threading.Event()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        super().__exit__(kind, error, trace)

    def wait_until_it_holds(self) -> None:
        """Wait until a connection is held."""
        until(self._is_holding.is_set, f"a connection that says {self._hold_after} bytes")

    def release(self) -> None:
        """Let the held connection go on. No other one will be held."""
        self._gate.set()

    def _goes_on(self, said: int) -> bool:
        if said >= self._hold_after and not self._is_holding.is_set():
            self._is_holding.set()
            self._gate.wait()
        return True


class CuttingRelay(_Relay):
    """A network that breaks.

    Attributes:
        limit: a connection over which a client has said more bytes is cut; None: none is.
    """

    def __init__(self, server_port: int) -> None:
        super().__init__(server_port)
        self.limit: int | None = None
        self.url = f"http://localhost:{self.port}"

    def _goes_on(self, said: int) -> bool:
        return self.limit is None or said <= self.limit


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
