"""The gateway that a local cluster may have beside its other programs: where it listens, and whether it answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Final

from moviola.base.extras import WEB
from moviola.launcher.problem import Problem

EVERYWHERE: Final = ("*", "::", "0.0.0.0", "")
"""Addresses to listen at that stand for all of a machine's."""

ANSWER_TIMEOUT_S: Final = 60.0
"""How long the gateway may take over its start, and over one answer: it loads its libraries in about a second."""

PAUSE_S: Final = 0.2
"""Seconds between two questions."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where the gateway of a local cluster listens.

    Attributes:
        port: its port.
        bind: the address, or '*' for all.
    """

    port: int
    bind: str = "localhost"

    @property
    def host(self) -> str:
        """Return where this machine's own programs find it."""
        return "localhost" if self.bind in EVERYWHERE else self.bind

    @property
    def url(self) -> str:
        """Return its address for a browser on this machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def check_libraries() -> None:
    """Raise Problem, with what to type, where the libraries of the gateway are not installed."""
    if missing := WEB.missing():
        raise Problem(f"--web: {missing}.")


def wait(gateway: Gateway, check_programs: Callable[[], None]) -> None:
    """Wait until the gateway answers.

    Args:
        check_programs: raises Problem where a program does not stay up.

    Raises:
        Problem: it does not stay up, or does not answer in time.
    """
    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    pause = threading.Event()  # which nobody sets
    while time.monotonic() < deadline:
        check_programs()
        if _answers(gateway):
            return
        pause.wait(PAUSE_S)
    raise Problem(f"The gateway did not answer at {gateway.url} within {ANSWER_TIMEOUT_S:.0f} s; see its log.")


def _answers(gateway: Gateway) -> bool:
    connection = HTTPConnection(gateway.host, gateway.port, timeout=ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", "/api/health")
        connection.getresponse()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True
