"""Many listeners of one stream, in one thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Final

from tests.waiting import PATIENCE_S, until

REQUEST: Final = "GET {} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


class Listeners:
    """Connections that read a stream of events; `with` opens and closes them.

    Args:
        port: of the gateway.
        count: of those that read.
        stuck: of those that ask and never read.
        path: of the stream.
    """

    def __init__(self, port: int, count: int, *, stuck: int = 0, path: str = "/api/events?after=0.other-1") -> None:
        self._port, self._count, self._request = port, count, REQUEST.format(path).encode()
        self._stuck = stuck
        self._silent: list[socket.socket] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.heard: list[bytearray] = [bytearray() for _ in range(count)]
        self._tasks: list[Future[None]] = []  # asyncio itself would forget them
        self.ended = 0  # streams that the gateway has ended

    def __enter__(self) -> Listeners:
        self._thread.start()
        for heard in self.heard:
            self._tasks.append(asyncio.run_coroutine_threadsafe(self._listen(heard), self._loop))
        for _ in range(self._stuck):
            silent = socket.create_connection(("localhost", self._port))
            silent.sendall(self._request)
            self._silent.append(silent)
        self.wait_for("event: ")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for silent in self._silent:
            silent.close()
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def wait_for(self, text: str) -> None:
        """Wait until every listener has heard a text."""
        until(
            lambda: all(text.encode() in heard for heard in self.heard),
            lambda: f"{text} at each of {self._count}; the first has heard {bytes(self.heard[0][-2000:])!r}",
        )

    async def _listen(self, heard: bytearray) -> None:
        reader, writer = await asyncio.open_connection("localhost", self._port)
        try:
            writer.write(self._request)
            while piece := await reader.read(65536):
                heard += piece
        except OSError:
            pass
        finally:
            self.ended += 1
            writer.close()

    def _cancel(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        gathered = asyncio.gather(*tasks, return_exceptions=True)
        gathered.add_done_callback(lambda _: self._loop.call_soon(self._loop.stop))
