"""Ports that nobody has, for programs that tests start, and for tests that look whether somebody opens one."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import tempfile
from itertools import chain
from pathlib import Path
from typing import Final

PORTS: Final = range(20_000, 32_000)
"""Below those that systems give to outgoing connections and to whoever asks for any port: nobody gets one by chance."""

_CLAIMS: Final = os.open(
    Path(tempfile.gettempdir()) / f"moviola-test-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600
)
"""A file of which each process that runs tests has locked a byte for each port that is its own; locks end with it."""

_claimed: set[int] = set()


def free_udp_port() -> int:
    """Return an even UDP port that nobody has: RTP wants an even one."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port % 2 == 0:
            return port


def free_port() -> int:
    """Return a TCP port at which nobody listens, on both loopbacks. No test beside this one, or later, gets it too."""
    first = PORTS.start + secrets.randbelow(len(PORTS))  # so that no port that was just left is taken again
    for port in chain(range(first, PORTS.stop), range(PORTS.start, first)):
        if port not in _claimed and _claim(port) and _is_free(port):
            return port
    raise AssertionError(f"all ports from {PORTS.start} to {PORTS.stop} are taken")


def _claim(port: int) -> bool:
    try:
        fcntl.lockf(_CLAIMS, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _claimed.add(port)
    return True


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET6) as six, socket.socket() as four:
        try:
            four.bind(("127.0.0.1", port))
            six.bind(("::1", port))
        except OSError:
            return False
    return True
