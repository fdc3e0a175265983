"""Payloads on their way through two loops: from memory and files, damaged, and what cannot be read or sent."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from moviola.wire import limits
from moviola.wire.addresses import Address
from moviola.wire.events import Damaged, Lost, Received
from moviola.wire.framing import checksum
from moviola.wire.limits import MIB
from moviola.wire.messages import Beat, Welcome
from moviola.wire.outbox import FileSlice
from tests.wire.pair import HANDED, HELLO, TASK, Pair


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
    pair.server.send(there, Welcome(version=3, epoch=1))
    pair.server.send(there, TASK, bytes(100_000))
    pair.until(lambda: len(pair.at_client) == 2)
    assert [len(event.payload) for event in pair.at_client if isinstance(event, Received)] == [0, 100_000]


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
