"""The loop with real sockets on loopback: two loops, driven in turn by the test."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack
import pytest

from moviola.wire import limits
from moviola.wire.addresses import Address, resolve
from moviola.wire.framing import MAGIC, PREFIX, checksum, prefix
from moviola.wire.limits import MIB
from moviola.wire.loop import Damaged, FileSlice, Loop, Lost, NetworkEvent, Received, Unsent, _tune
from moviola.wire.messages import VERSIONS, Beat, Chunk, Error, HandOn, Hello, Task, Watch, Welcome, encode
from moviola.wire.places import Handshakes
from moviola.wire.schema import Lease
from tests.waiting import until

HELLO = Hello(role="worker", name="tester", session="s1", versions=list(VERSIONS))


HANDED = HandOn(Lease(1, 1), "j", 0, 0)
TASK = Task(Lease(1, 1), "j", 0, 0, {}, {}, "o", 1)


class Pair:
    """An accepting loop, a dialling loop, and all events of both."""

    def __init__(self, **options: bytes) -> None:
        self.server = Loop("middleware", **options)  # type: ignore[arg-type]
        self.client = Loop("worker", **options)  # type: ignore[arg-type]
        self.port = self.server.listen("localhost", 0)
        self.at_server: list[NetworkEvent] = []
        self.at_client: list[NetworkEvent] = []

    def until(self, condition: Callable[[], object]) -> None:
        until(condition, lambda: (self.at_server, self.at_client), turn=self._turn)

    def _turn(self) -> None:
        for loop, events in ((self.server, self.at_server), (self.client, self.at_client)):
            events += loop.turn(time.monotonic() + 0.005)
            loop.flush()

    def opened(self, host: str = "127.0.0.1") -> tuple[int, int]:
        """Connection ids at the client and at the server, handshake done."""
        here = self.client.dial([Address(host, self.port)], HELLO)
        self.until(lambda: self.at_server)
        first = self.at_server.pop()
        assert isinstance(first, Received)
        assert isinstance(first.message, Hello)
        self.server.send(first.connection, Welcome(version=2, epoch=7))
        self.until(lambda: self.at_client)
        welcome = self.at_client.pop()
        assert isinstance(welcome, Received)
        assert welcome.message == Welcome(version=2, epoch=7)
        return here, first.connection


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.server.shut()
    made.client.shut()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_both_loopbacks_reach_one_port(pair: Pair, host: str) -> None:
    pair.opened(host)


def test_everywhere_takes_ipv4_and_ipv6() -> None:
    server = Loop("middleware")
    port = server.listen("", 0)
    for host in ("127.0.0.1", "::1"):
        socket.create_connection((host, port), timeout=5).close()
    server.shut()


def test_large_payload_from_memory_and_from_a_file_arrive_whole(pair: Pair, tmp_path: Path) -> None:
    here, _there = pair.opened()
    content = os.urandom(9 * limits.MIB + 13)
    (tmp_path / "segment").write_bytes(b"before" + content)
    fd = os.open(tmp_path / "segment", os.O_RDONLY)
    released: list[int] = []
    part = FileSlice(lambda: fd, 6, len(content), lambda: released.append(len(pair.at_server)))
    message = HANDED
    pair.client.send(here, message, content)
    pair.client.send(here, message, part, checksum(content))
    pair.client.send(here, Beat())
    pair.until(lambda: len(pair.at_server) == 3)
    payloads = [event.payload for event in pair.at_server if isinstance(event, Received)]
    assert payloads == [content, content, b""]
    assert pair.client.backlog(here) == 0
    assert len(released) == 1  # once; how much the other side has read by then is the kernel's to say
    os.close(fd)


def test_a_file_is_opened_when_it_leaves_and_released_when_it_never_will(pair: Pair) -> None:
    here, there = pair.opened()
    released = []

    def send(name: str, descriptor: Callable[[], int]) -> None:
        pair.server.send(there, TASK, FileSlice(descriptor, 0, 5, lambda: released.append(name)), 1)

    def refuse() -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    pair.server.send(there, TASK, bytes(20 * limits.MIB))  # more than the socket buffers hold
    send("waits", refuse)
    send("waits behind it", refuse)
    pair.server.flush()
    assert not released
    pair.until(lambda: pair.at_server and len(pair.at_client) == 2)  # no descriptor costs that connection, no more
    assert isinstance(pair.at_server[0], Lost)
    assert pair.at_server[0].reason == "Too many open files"
    assert released == ["waits", "waits behind it"]
    send("comes too late", refuse)
    assert released[-1] == "comes too late"
    assert isinstance(pair.at_client[-1], Lost)
    assert here == pair.at_client[-1].connection


def test_a_part_of_a_large_message_is_a_sign_of_life(pair: Pair) -> None:
    """What its sender says meanwhile waits behind it."""
    here, there = pair.opened()
    assert pair.server.arriving == frozenset()
    payload = bytes(64 * limits.MIB)
    pair.client.send(here, HANDED, payload)
    pair.until(lambda: there in pair.server.arriving)
    assert not pair.at_server
    pair.until(lambda: pair.at_server)
    pair.server.turn(time.monotonic())
    assert pair.server.arriving == frozenset()


def test_a_payload_may_follow_the_welcome_at_once(pair: Pair) -> None:
    pair.client.dial([Address("127.0.0.1", pair.port)], HELLO)
    pair.until(lambda: pair.at_server)
    there = pair.at_server[0].connection  # type: ignore[union-attr]
    pair.server.send(there, Welcome(version=2, epoch=1))
    pair.server.send(there, TASK, bytes(100_000))
    pair.until(lambda: len(pair.at_client) == 2)
    assert [len(event.payload) for event in pair.at_client if isinstance(event, Received)] == [0, 100_000]


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


def test_a_name_is_looked_up_only_when_its_turn_has_come(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop stands still meanwhile, for seconds where no server of names answers."""
    asked = []

    def look_up(address: Address, family: socket.AddressFamily) -> list[tuple[int, tuple[object, ...]]]:
        asked.append(address.host)
        return resolve(address, family)

    monkeypatch.setattr("moviola.wire.loop.resolve", look_up)
    pair.client.dial([Address("127.0.0.1", pair.port), Address("name.invalid", pair.port)], HELLO)
    pair.until(lambda: pair.at_server)
    assert asked == ["127.0.0.1"]
    pair.client.dial([Address("name.invalid", pair.port), Address("::1", pair.port)], HELLO)
    pair.until(lambda: len(pair.at_server) == 2)
    assert asked == ["127.0.0.1", "name.invalid", "::1"]


def test_a_host_that_vanishes_is_noticed_by_who_only_listens() -> None:
    """The system is told to ask; by itself it does so after two hours."""
    idle = int(getattr(socket, "TCP_KEEPIDLE", 0) or getattr(socket, "TCP_KEEPALIVE", 0))
    with socket.socket() as one:
        _tune(one)
        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert one.getsockopt(socket.IPPROTO_TCP, idle) == limits.KEEPALIVE_S


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


def test_a_damaged_payload_is_told_with_its_message_and_costs_nothing_else(pair: Pair) -> None:
    here, _there = pair.opened()
    message = HANDED
    pair.client.send(here, message, b"payload", xxh3=1)
    pair.client.send(here, message, b"payload")
    pair.until(lambda: len(pair.at_server) == 2)
    [damaged, whole] = pair.at_server
    assert isinstance(damaged, Damaged)
    assert damaged.message == message
    assert isinstance(whole, Received)
    assert (whole.message, bytes(whole.payload)) == (message, b"payload")


def test_what_cannot_be_read_any_more_arrives_as_damaged(pair: Pair, tmp_path: Path) -> None:
    """A file that is gone, or shorter than it was, before or while it leaves."""
    here, _there = pair.opened()
    path = tmp_path / "segment"
    path.write_bytes(b"x" * 100)
    released = []

    def gone() -> int:
        raise FileNotFoundError(errno.ENOENT, "gone")

    with path.open("rb") as file:
        for descriptor, size in ((gone, 5), (file.fileno, 3 * MIB + 7), (file.fileno, 100)):
            part = FileSlice(descriptor, 0, size, lambda: released.append(1))
            pair.client.send(here, HANDED, part, xxh3=checksum(b"x" * size))
        pair.until(lambda: len(pair.at_server) == 3)
    assert [type(event) for event in pair.at_server] == [Damaged, Damaged, Received]
    assert released == [1, 1, 1]
    assert pair.client.backlog(here) == 0


def test_a_checksum_without_a_payload_ends_the_connection(pair: Pair) -> None:
    here, _there = pair.opened()
    pair.client.send(here, Beat(), b"", xxh3=1)
    pair.until(lambda: pair.at_client and pair.at_server)
    lost = pair.at_client[0]
    assert isinstance(lost, Lost)
    assert lost.error is not None
    assert lost.error.code == "corrupt"
    assert isinstance(pair.at_server[0], Lost)


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
    reader = loop._wake_reader

    class Interrupted:
        """The loop's end of the wake-up pair, with a wake-up before each of its reads."""

        def recv(self, size: int) -> bytes:
            loop.wake()
            return reader.recv(size)

    loop._wake_reader = Interrupted()  # type: ignore[assignment]
    loop.wake()
    loop.turn(time.monotonic() + 10)
    loop._wake_reader = reader
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


def test_an_address_of_a_family_the_system_does_not_know_is_passed_over(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.socket

    def only_ipv4(family: int, *arguments: int, **options: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *arguments, **options)

    monkeypatch.setattr("moviola.wire.loop.socket.socket", only_ipv4)
    pair.client.dial([Address("::1", pair.port), Address("127.0.0.1", pair.port)], HELLO)
    pair.until(lambda: pair.at_server)


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
    reader = max(pair.server._links.values(), key=lambda link: link.id).protocol.reader
    for count in range(1, 4):  # it goes on, slowly
        now[0] += limits.FRAME_TIMEOUT_S - 1
        sock.sendall(bytes(limits.FRAME_PROGRESS))
        come = count * limits.FRAME_PROGRESS
        pair.until(lambda come=come: reader._filled == come)  # type: ignore[misc]
    now[0] += limits.FRAME_TIMEOUT_S - 1
    pair.server.turn(now[0])
    assert not _ended(pair)
    sock.sendall(b"a few bytes")
    now[0] += 2
    pair.until(lambda: _ended(pair))
    assert "stood still" in _ended(pair)[0]
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


def test_a_slow_message_beyond_the_budget_goes_where_others_wait(pair: Pair) -> None:
    pair.server._budget._limit_bytes = limits.MIB
    now, _ = _held(pair)
    slow, other = _by_hand(pair, 2 * limits.MIB, 2 * limits.MIB)
    slow.sendall(bytes(limits.MIB + 100_000))
    pair.until(lambda: pair.server._budget.favoured)
    other.settimeout(10)
    sender = threading.Thread(target=other.sendall, args=(bytes(2 * limits.MIB),))
    sender.start()
    pair.until(lambda: pair.server._budget.is_contended)
    now[0] += limits.FAVOUR_TIMEOUT_S + 1
    pair.until(lambda: len(pair.at_server) == 2)
    sender.join()
    assert len(_ended(pair)) == 1
    slow.close()
    other.close()


def test_a_message_behind_a_favoured_one_has_the_time_of_any_other(pair: Pair) -> None:
    """The favoured one ends and the next one begins in the same read."""
    pair.server._budget._limit_bytes = limits.MIB
    now, _ = _held(pair)
    (sock,) = _by_hand(pair, 2 * limits.MIB)
    link = max(pair.server._links.values(), key=lambda link: link.id)
    account = link.protocol.reader.account
    sock.sendall(bytes(limits.MIB + 200_000))
    pair.until(lambda: account.is_favoured)
    assert _time_left(pair, link.id, now) == limits.FAVOUR_TIMEOUT_S
    sender = threading.Thread(target=sock.sendall, args=(bytes(limits.MIB - 250_000),))
    sender.start()
    pair.until(lambda: link.protocol.reader._filled == 2 * limits.MIB - 50_000)
    sender.join()
    now[0] += 1
    begun = prefix(encode(Chunk("j", 0, 1, 1)), 2 * limits.MIB, checksum(bytes(2 * limits.MIB)))
    sock.sendall(bytes(50_000) + begun + bytes(40_000))
    pair.until(lambda: pair.at_server and link.protocol.reader._filled >= 40_000)
    assert not account.is_favoured
    assert _time_left(pair, link.id, now) == limits.FRAME_TIMEOUT_S
    sender = threading.Thread(target=sock.sendall, args=(bytes(limits.MIB + 200_000),))
    sender.start()
    pair.until(lambda: account.is_favoured)
    assert _time_left(pair, link.id, now) == limits.FAVOUR_TIMEOUT_S
    pair.until(lambda: not sender.is_alive())
    sock.close()


def _time_left(pair: Pair, connection: int, now: list[float]) -> float:
    due = pair.server._timers.due(connection)
    assert due is not None
    return due - now[0]


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
    pair.server._handshakes = Handshakes(8)
    silent = [socket.create_connection(("127.0.0.1", pair.port), timeout=10) for _ in range(20)]
    for _ in range(40):
        pair.server.turn(now[0])
        pair.server.flush()
    assert len(pair.server._handshakes) == 5  # half of all, and the one for which the oldest will go
    pair.client.dial([Address("127.0.0.1", pair.port)], HELLO)

    def is_in() -> bool:
        now[0] += 0.05
        return bool(pair.at_server)

    pair.until(is_in)
    assert len(pair.server._handshakes) <= 5
    assert isinstance(pair.at_server[0], Received)
    assert pair.at_server[0].message.name == "tester"  # type: ignore[attr-defined]
    pair.at_server.clear()
    pair.client.send(here, Beat())
    pair.until(lambda: pair.at_server)
    for sock in silent:
        sock.close()


def test_where_all_places_are_taken_the_oldest_unfinished_handshake_goes(pair: Pair) -> None:
    now, here = _held(pair)
    pair.server._most_connections = 4
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


def test_what_cannot_be_sent_comes_back_and_the_connection_lives(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moviola.wire.loop.CHECKS_WHAT_IS_SENT", False)  # as at work
    here, there = pair.opened()
    too_large = Task(Lease(1, 1), "j", 0, 0, {"x": bytes(limits.MAX_HEADER)}, {}, "o", 1)
    pair.server.send(there, too_large)
    pair.until(lambda: pair.at_server)
    [unsent] = pair.at_server
    assert isinstance(unsent, Unsent)
    assert (unsent.connection, unsent.message) == (there, too_large)
    assert str(limits.MAX_HEADER) in unsent.reason
    pair.client.send(here, Beat())
    pair.until(lambda: len(pair.at_server) > 1)
    assert pair.at_client == []


def test_both_sides_know_which_job_ended_a_connection(pair: Pair) -> None:
    here, there = pair.opened()
    wrong = msgpack.packb({"type": "Task", "job": "bad job"})
    pair.server._queue(pair.server._links[there], prefix(wrong, 0, 0))
    pair.until(lambda: pair.at_client and pair.at_server)
    for events, number in ((pair.at_client, here), (pair.at_server, there)):
        [lost] = events
        assert isinstance(lost, Lost)
        assert (lost.connection, lost.job) == (number, "bad job")
