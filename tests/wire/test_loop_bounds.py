"""What a peer may cost a loop: memory for what comes, time, places for handshakes, and answers nobody takes."""

from __future__ import annotations

import errno
import socket
import time

import pytest

from moviola.wire import limits
from moviola.wire.addresses import Address
from moviola.wire.events import Lost, NetworkEvent, Received
from moviola.wire.framing import checksum, prefix
from moviola.wire.loop import Loop
from moviola.wire.messages import VERSIONS, Beat, Chunk, Hello, Watch, encode
from moviola.wire.places import Handshakes
from tests.waiting import until
from tests.wire.pair import HANDED, HELLO, TASK, Pair


def test_a_half_open_connection_is_closed_at_its_deadline() -> None:
    now = [1000.0]
    server = Loop("middleware", clock=lambda: now[0])
    port = server.listen("localhost", 0)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as half_open:
        until(lambda: server._links, "the connection is accepted", turn=lambda: server.turn(now[0]))
        now[0] += limits.HANDSHAKE_TIMEOUT_S + 1
        server.turn(now[0])
        server.flush()
        while half_open.recv(4096):
            pass
    assert not server._links
    server.shut()


def test_who_takes_no_answers_is_not_read(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HIGH_WATERMARK", 1024)
    monkeypatch.setattr(limits, "LOW_WATERMARK", 512)
    here, there = pair.opened()
    pair.server.send(there, TASK, bytes(20 * limits.MIB))  # more than the socket buffers hold
    pair.server.flush()
    assert pair.server.backlog(there) > 1024
    pair.client.send(here, Beat())
    pair.client.flush()
    assert pair.server.turn(time.monotonic() + 0.05) == []
    pair.until(lambda: pair.at_server and pair.at_client)  # the client reads on: so does the server


def test_without_room_for_a_connection_accepting_rests(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ACCEPT_PAUSE_S", 0.2)
    real, refusals = socket.socket.accept, 0

    def accept(listener: socket.socket) -> tuple[socket.socket, object]:
        nonlocal refusals
        refusals += 1
        if refusals > 2:
            return real(listener)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket.socket, "accept", accept)
    with socket.create_connection(("127.0.0.1", pair.port)), socket.create_connection(("::1", pair.port)):
        started = time.monotonic()
        turns = 0
        while len(pair.server._links) < 2:
            pair.server.turn(started + 60)
            turns += 1
        assert 0.4 <= time.monotonic() - started < 50
        assert turns < 10


def _held(pair: Pair) -> tuple[list[float], int]:
    """A clock of the server's that stands still, and a connection that is open."""
    now = [time.monotonic()]
    pair.server._clock = lambda: now[0]
    return now, pair.opened()[0]


def _by_hand(pair: Pair, *sizes: int) -> list[socket.socket]:
    """Connections of clients that have begun a chunk of each of these sizes."""
    socks = []
    for number, size in enumerate(sizes):
        sock = socket.create_connection(("127.0.0.1", pair.port), timeout=10)
        hello = encode(Hello("client", f"slow-{number}", "s", list(VERSIONS)))
        sock.sendall(prefix(hello, 0, 0) + prefix(encode(Chunk("j", 0, 0, 1)), size, checksum(bytes(size))))
        socks.append(sock)
    pair.until(lambda: len(pair.at_server) == len(sizes))
    pair.at_server.clear()
    return socks


def _ended(pair: Pair) -> list[str]:
    return [event.reason for event in pair.at_server if isinstance(event, Lost)]


def test_a_message_that_stands_still_ends_its_connection_and_no_other(pair: Pair) -> None:
    now, here = _held(pair)
    (sock,) = _by_hand(pair, limits.MIB)
    link = max(pair.server._links.values(), key=lambda link: link.id)
    pair.until(lambda: link.end.deadline)
    now[0] += limits.FRAME_TIMEOUT_S
    pair.until(lambda: _ended(pair))
    assert "stopped in its middle" in _ended(pair)[0]
    pair.at_server.clear()
    pair.client.send(here, Beat())
    pair.until(lambda: pair.at_server)
    sock.close()


def test_who_exceeds_the_budget_waits_and_all_come_to_their_end(pair: Pair) -> None:
    pair.server._budget._limit_bytes = limits.MIB
    _held(pair)
    socks = _by_hand(pair, *[2 * limits.MIB] * 4)
    sent = dict.fromkeys(socks, 0)

    def some_more() -> bool:
        for sock in socks:
            sock.setblocking(False)
            try:
                sent[sock] += sock.send(bytes(min(100_000, 2 * limits.MIB - sent[sock])))
            except BlockingIOError:
                pass  # it waits: nobody reads it
        assert pair.server._budget.used_bytes <= 3 * limits.MIB + 4 * limits.RECEIVE_BUFFER
        return len(pair.at_server) == 4

    pair.until(some_more)
    assert {len(event.payload) for event in pair.at_server if isinstance(event, Received)} == {2 * limits.MIB}
    assert pair.server._budget.used_bytes == 0
    for sock in socks:
        sock.close()


def test_many_messages_of_one_come_over_several_turns_and_others_in_between(pair: Pair) -> None:
    here, there = pair.opened()
    other = pair.client.dial([Address("127.0.0.1", pair.port)], HELLO)
    pair.until(lambda: pair.at_server)
    for _ in range(5 * limits.MESSAGES_EACH):
        pair.client.send(here, Beat())
    pair.client.flush()
    turns: list[list[NetworkEvent]] = []
    while sum(map(len, turns)) < 5 * limits.MESSAGES_EACH:
        turns.append(pair.server.turn(time.monotonic() + 10))
    assert max(map(len, turns)) <= limits.MESSAGES_EACH
    assert all(isinstance(event, Received) and event.connection == there for turn in turns for event in turn)
    assert other


def test_what_may_not_come_with_a_payload_is_refused_when_its_header_has_come(pair: Pair) -> None:
    with socket.create_connection(("127.0.0.1", pair.port), timeout=10) as sock:
        hello = encode(Hello("client", "c", "s", list(VERSIONS)))
        sock.sendall(prefix(hello, 0, 0) + prefix(encode(HANDED), 1, 0))
        pair.until(lambda: _ended(pair))
    assert _ended(pair)[0].startswith("too-large")


def test_silent_connections_keep_nobody_out(pair: Pair) -> None:
    """One more takes the place of the oldest, after a while in which that could have said who it is."""
    now, here = _held(pair)
    pair.server._admission.handshakes = Handshakes(8)
    silent = [socket.create_connection(("127.0.0.1", pair.port), timeout=10) for _ in range(20)]
    for _ in range(40):
        pair.server.turn(now[0])
        pair.server.flush()
    assert len(pair.server._admission.handshakes) == 5  # half of all, and the one for which the oldest will go
    pair.client.dial([Address("127.0.0.1", pair.port)], HELLO)

    def is_in() -> bool:
        now[0] += 0.05
        return bool(pair.at_server)

    pair.until(is_in)
    assert len(pair.server._admission.handshakes) <= 5
    assert isinstance(pair.at_server[0], Received)
    assert pair.at_server[0].message.name == "tester"  # type: ignore[attr-defined]
    pair.at_server.clear()
    pair.client.send(here, Beat())
    pair.until(lambda: pair.at_server)
    for sock in silent:
        sock.close()


def test_where_all_places_are_taken_the_oldest_unfinished_handshake_goes(pair: Pair) -> None:
    now, here = _held(pair)
    pair.server._admission.max_connections = 4
    silent = [socket.create_connection(("127.0.0.1", pair.port), timeout=10) for _ in range(3)]
    pair.until(lambda: len(pair.server._links) == 4)
    other = pair.client.dial([Address("127.0.0.1", pair.port)], HELLO)

    def is_in() -> bool:
        now[0] += 0.05
        return bool(pair.at_server)

    pair.until(is_in)
    assert len(pair.server._links) == 4
    assert here != other
    for sock in silent:
        sock.close()


def test_who_does_not_read_answers_is_not_heard_on_until_he_has(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions that came together are answered one by one where the answers are large."""
    monkeypatch.setattr(limits, "HIGH_WATERMARK", limits.MIB)
    monkeypatch.setattr(limits, "LOW_WATERMARK", limits.MIB // 2)
    here, there = pair.opened()
    for number in range(40):
        pair.client.send(here, Watch(job=f"{number}"))
    pair.client.flush()
    asked: list[str] = []

    def answer() -> None:
        for event in pair.server.turn(time.monotonic() + 0.01):
            if not pair.server.holds(event):
                assert isinstance(event, Received)
                asked.append(event.message.job)  # type: ignore[attr-defined]
                pair.server.send(there, TASK, bytes(limits.MIB))
        assert pair.server.backlog(there) <= 3 * limits.MIB
        pair.server.flush()

    for _ in range(50):
        answer()
    assert 0 < len(asked) < 40  # what the system's buffers take
    while len(pair.at_client) < 40:
        answer()
        pair.at_client += pair.client.turn(time.monotonic() + 0.01)
    assert asked == [f"{number}" for number in range(40)]
