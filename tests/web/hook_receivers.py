"""A receiver of webhooks on a free port of this machine, which refuses what it is told to refuse."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.waiting import until


class Sent(NamedTuple):
    """A request as it came, and how it was answered."""

    headers: dict[str, str]
    body: bytes
    status: int


class HookReceiver:
    """`with` starts it and ends it.

    Args:
        status_of: returns the status of the answer to a request, whose number from 0 it is given.
    """

    def __init__(self, status_of: Callable[[int], int] = lambda number: 204) -> None:
        self.sent: list[Sent] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with receiver._lock:
                    status = status_of(len(receiver.sent))
                    receiver.sent.append(Sent({":path": self.path, **headers}, body, status))
                self.send_response(status)
                if status == 302:
                    self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/a-secret-path"

    def __enter__(self) -> HookReceiver:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def taken(self, wanted: Callable[[Sent], bool]) -> Sent:
        """Wait for a request that was taken and is such a one."""
        return until(
            lambda: next((one for one in list(self.sent) if one.status < 300 and wanted(one)), None),
            lambda: f"such a delivery among {self.sent}",
        )
