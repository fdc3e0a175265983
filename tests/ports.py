"""Ports that nobody has, for tests that look whether somebody opens one."""

from __future__ import annotations

import socket


def free_udp_port() -> int:
    """Return an even UDP port that nobody has: RTP wants an even one."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port % 2 == 0:
            return port


def free_port() -> int:
    """Return a TCP port that nobody listens at, on both loopbacks."""
    while True:
        with socket.socket(socket.AF_INET6) as six, socket.socket() as four:
            four.bind(("127.0.0.1", 0))
            port = int(four.getsockname()[1])
            try:
                six.bind(("::1", port))
            except OSError:
                continue
            return port
