"""The loop with real sockets on loopback: connections, and what ends one of them."""

from __future__ import annotations

import errno
import socket
import time
from typing import Any

import msgpack
import pytest

from moviola.wire.addresses import Address
from moviola.wire.events import Lost, NetworkEvent, Received
from moviola.wire.framing import MAGIC, PREFIX, prefix
from moviola.wire.loop import Loop
from moviola.wire.messages import Beat, Error, Watch
from tests.waiting import until
from tests.wire.pair import HELLO, Pair


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_both_loopbacks_reach_one_port(pair: Pair, host: str) -> None:
    pair.opened(host)


def test_everywhere_takes_ipv4_and_ipv6() -> None:
    server = Loop("middleware")
    port = server.listen("", 0)
    for host in ("127.0.0.1", "::1"):
        socket.create_connection((host, port), timeout=5).close()
    server.shut()


def test_nothing_leaves_before_the_flush(pair: Pair) -> None:
    here, _ = pair.opened()
    pair.client.send(here, Watch(job="j"))
    assert pair.server.turn(time.monotonic() + 0.05) == []
    pair.client.flush()
    pair.until(lambda: pair.at_server)


def test_unreachable_names_every_address_and_reason(pair: Pair) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    pair.client.dial([Address("127.0.0.1", port)], HELLO)
    pair.until(lambda: pair.at_client)
    lost = pair.at_client[0]
    assert isinstance(lost, Lost)
    assert lost.reason == f"127.0.0.1:{port}: Connection refused"


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"MVLB",
        PREFIX.pack(MAGIC, 2**32 - 1, 0, 0),
        PREFIX.pack(MAGIC, 1, 2**63, 0) + b"\xc0",
    ],
)
def test_garbage_ends_its_connection_and_no_other(pair: Pair, garbage: bytes) -> None:
    here, _ = pair.opened()
    with socket.create_connection(("127.0.0.1", pair.port), timeout=10) as intruder:
        intruder.sendall(garbage)
        intruder.settimeout(0.01)
        answer = b""

        def closed() -> bool:
            nonlocal answer
            try:
                part = intruder.recv(65536)
            except TimeoutError:
                return False
            except ConnectionResetError:
                return True
            answer += part
            return part == b""

        pair.until(closed)
    assert b"Error" in answer
    pair.client.send(here, Beat())
    pair.until(lambda: pair.at_server)
    assert [type(event.message) for event in pair.at_server if isinstance(event, Received)] == [Beat]


def test_a_secret_keeps_strangers_out() -> None:
    pair = Pair(secret=b"reel")
    pair.opened()
    stranger = Loop("client", secret=b"other")
    stranger.dial([Address("127.0.0.1", pair.port)], HELLO)
    seen: list[NetworkEvent] = []

    def refused() -> bool:
        seen.extend(stranger.turn(time.monotonic() + 0.005))
        stranger.flush()
        return bool(seen)

    pair.until(refused)
    assert isinstance(seen[0], Lost)
    assert seen[0].error is not None
    assert seen[0].error.code == "forbidden"
    assert not pair.at_server


def test_closing_with_a_code_delivers_the_reason(pair: Pair) -> None:
    _, there = pair.opened()
    pair.server.close(there, "superseded", "a newer session of this name has joined")
    pair.until(lambda: pair.at_client)
    lost = pair.at_client[0]
    assert isinstance(lost, Lost)
    assert lost.error == Error(code="superseded", text="a newer session of this name has joined")
    assert not pair.at_server


def test_no_wake_up_is_lost_to_one_that_comes_while_another_is_taken(pair: Pair) -> None:
    """As from a signal handler, at each point of taking the first."""
    loop = pair.server
    reader = loop._waker.reader

    class Interrupted:
        """The loop's end of the wake-up pair, with a wake-up before each of its reads."""

        def recv(self, size: int) -> bytes:
            loop.wake()
            return reader.recv(size)

    loop._waker.reader = Interrupted()  # type: ignore[assignment]
    loop.wake()
    loop.turn(time.monotonic() + 10)
    loop._waker.reader = reader
    loop.wake()
    started = time.monotonic()
    loop.turn(started + 60)
    assert time.monotonic() - started < 50


def test_a_connection_hung_up_while_it_is_dialled_says_nothing(pair: Pair) -> None:
    hung_up = pair.client.dial([Address("127.0.0.1", pair.port)], HELLO)
    pair.client.close(hung_up)
    pair.opened()
    assert not pair.at_server
    assert not pair.at_client


def test_an_address_of_a_family_the_system_does_not_know_is_passed_over(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.socket

    def only_ipv4(family: int, *arguments: int, **options: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *arguments, **options)

    monkeypatch.setattr("moviola.wire.sockets.socket.socket", only_ipv4)
    pair.client.dial([Address("::1", pair.port), Address("127.0.0.1", pair.port)], HELLO)
    pair.until(lambda: pair.at_server)


def test_both_sides_know_which_job_ended_a_connection(pair: Pair) -> None:
    here, there = pair.opened()
    wrong = msgpack.packb({"type": "Task", "job": "bad job"})
    link = pair.server._links[there]
    link.end.outbox.put(prefix(wrong, 0, 0))
    pair.server._touched(link, time.monotonic())
    pair.until(lambda: pair.at_client and pair.at_server)
    for events, number in ((pair.at_client, here), (pair.at_server, there)):
        [lost] = events
        assert isinstance(lost, Lost)
        assert (lost.connection, lost.job) == (number, "bad job")


@pytest.mark.parametrize("change", ["register", "modify", "unregister"])
@pytest.mark.parametrize("is_done", [False, True])
def test_a_loop_can_be_shut_where_ctrl_c_interrupted_a_change_of_its_selector(change: str, is_done: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as leaving:
        loop = Loop("client")
        real = getattr(loop._selector, change)

        def interrupted(*given: Any) -> None:
            if is_done:
                real(*given)
            raise KeyboardInterrupt

        def run() -> None:
            loop.dial([Address("127.0.0.1", leaving.getsockname()[1])], HELLO)
            leaving.accept()[0].close()
            until(lambda: loop.turn(time.monotonic() + 0.01), "the connection is lost")

        with pytest.MonkeyPatch.context() as patches:
            patches.setattr(loop._selector, change, interrupted)
            with pytest.raises(KeyboardInterrupt):
                run()
        loop.shut()
