"""Real programs under measurement, and the connections of those who play their peers.

What is measured is the CPU time of the program's process; its peers have a process of their own.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

import psutil

from bench.children import ROOT
from moviola.wire.addresses import Address
from moviola.wire.events import ConnectionId, Lost, NetworkEvent, Received, Unsent
from moviola.wire.loop import Loop
from moviola.wire.messages import VERSIONS, Hello, Message, Welcome
from tests.ports import free_port
from tests.waiting import until

PATIENCE_S: Final = 60.0
"""The longest time without any message from the program: far more than it takes on a loaded machine."""


class Program:
    """A real program in a folder of its own, which `with` starts and ends.

    Args:
        role: `middleware` or `aggregator`.
        folder: for its state, results and log.
        arguments: beside those for its port and state.
    """

    def __init__(self, role: str, folder: Path, arguments: Sequence[str] = ()) -> None:
        self.port = free_port()
        self._log = folder / f"{role}.log"
        self._command = [sys.executable, "-m", role, "--port", str(self.port), "--bind", "localhost", "--no-secret"]
        self._command += ["--state", str(folder / "state"), "--log", "warning", *arguments]
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("MOVIOLA_")}

    def __enter__(self) -> Program:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            until(self._is_listening, f"the program listens at port {self.port}", PATIENCE_S)
        except BaseException:
            self._stop()
            raise
        return self

    def _is_listening(self) -> bool:
        self.cpu_seconds()  # it lives
        try:
            socket.create_connection(("localhost", self.port), timeout=1.0).close()
        except OSError:
            return False
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)

    def cpu_seconds(self) -> float:
        """Return the CPU time of the program's process up to now, without its children. Raises RuntimeError if it has
        ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"the program ended with status {self._process.returncode}: {self._log.read_text()}")
        exact = Path(f"/proc/{self._process.pid}/schedstat")  # in nanoseconds; the usual counters have ticks of 10 ms
        if exact.exists():
            return int(exact.read_text().split()[0]) / 1e9
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def memory_bytes(self) -> int:
        """Return how many bytes the program's process has in memory."""
        return int(psutil.Process(self._process.pid).memory_info().rss)


class Peers:
    """The connections of all who speak with a program, on one loop.

    Args:
        role: which role this side has towards those who dial it.
    """

    def __init__(self, role: str = "client") -> None:
        self.loop = Loop(role)
        self._unheard: list[NetworkEvent] = []  # came while somebody shook hands

    def dial(self, port: int, role: str, name: str, details: dict[str, object] | None = None) -> ConnectionId:
        """Connect to a program that listens on this machine, and do the handshake. Messages of other connections that
        come meanwhile are kept for the next `play`. Raises RuntimeError."""
        hello = Hello(role, name, f"session of {name}", [*VERSIONS], details=details or {}, token=name, user="bench")
        connection = self.loop.dial([Address("localhost", port)], hello)
        is_welcome = False
        deadline = time.monotonic() + PATIENCE_S
        while not is_welcome:
            for event in self.loop.turn(deadline):
                if isinstance(event, Received) and event.connection == connection and not is_welcome:
                    is_welcome = isinstance(event.message, Welcome)
                else:
                    self._unheard.append(event)
            self.loop.flush()
            if time.monotonic() >= deadline:
                raise RuntimeError(f"{name} was not welcomed within {PATIENCE_S:.0f} s")
        return connection

    def play(
        self, take: Callable[[ConnectionId, Message], None], until: Callable[[], bool], wake_at: float | None = None
    ) -> None:
        """Pass every message that comes to `take`, until a condition holds. The condition is checked after each turn of
        the loop, and at `wake_at`.

        Raises:
            RuntimeError: a connection is lost, a message cannot be sent, or nothing comes for PATIENCE_S.
        """
        events, self._unheard = self._unheard, []
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for event in events:
                if isinstance(event, Lost | Unsent):
                    raise RuntimeError(f"connection {event.connection}: {event.reason}")
                if isinstance(event, Received):
                    take(event.connection, event.message)
            self.loop.flush()
            if until():
                return
            events = self.loop.turn(wake_at or deadline)
            if events or wake_at:
                deadline = time.monotonic() + PATIENCE_S
            elif time.monotonic() >= deadline:
                raise RuntimeError(f"nothing came for {PATIENCE_S:.0f} s")

    def close(self) -> None:
        """Close all connections."""
        self.loop.shut()
