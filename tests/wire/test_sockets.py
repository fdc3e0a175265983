"""Sockets as the system makes them, and names that it does not know."""

from __future__ import annotations

import socket

import pytest

from moviola.wire import limits
from moviola.wire.addresses import Address
from moviola.wire.sockets import Waker, resolve, tune


@pytest.mark.parametrize("host", ["a" * 100, "a..b", "x y", "\0"])
def test_what_can_be_no_name_is_as_unknown_as_any(host: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - which one is the system's choice
        resolve(Address(host, 5000))


def test_a_host_that_vanishes_is_noticed_by_who_only_listens() -> None:
    """The system is told to ask; by itself it does so after two hours."""
    idle = int(getattr(socket, "TCP_KEEPIDLE", 0) or getattr(socket, "TCP_KEEPALIVE", 0))
    with socket.socket() as one:
        tune(one)
        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert one.getsockopt(socket.IPPROTO_TCP, idle) == limits.KEEPALIVE_S


def test_waking_what_is_closed_does_nothing() -> None:
    waker = Waker()
    waker.close()
    waker.wake()


def test_a_waker_that_is_closed_while_another_thread_wakes_it_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    waker = Waker()

    class Closing:
        def send(self, _data: bytes) -> int:
            waker._writer = writer
            waker.close()
            return writer.send(b"\0")

    writer = waker._writer
    monkeypatch.setattr(waker, "_writer", Closing())
    waker.wake()
