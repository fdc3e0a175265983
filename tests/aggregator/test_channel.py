"""Messages over a socket pair arrive whole, however they are torn."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from aggregator.channel import Channel
from moviola.wire.framing import prefix


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    ends = [Channel(sock) for sock in socket.socketpair()]
    yield ends[0], ends[1]
    for end in ends:
        end.close()


def test_messages_arrive_in_order(pair: tuple[Channel, Channel]) -> None:
    for number in range(3):
        pair[0].send({"number": number, "data": b"\0"})
    assert list(pair[1].received(wait=True)) == [{"number": number, "data": b"\0"} for number in range(3)]
    assert list(pair[1].received(wait=False)) == []


def test_a_large_message_arrives_whole(pair: tuple[Channel, Channel]) -> None:
    content = bytes(range(256)) * 20_000
    sender = threading.Thread(target=pair[0].send, args=({"data": content},))
    sender.start()
    assert list(pair[1].received(wait=True)) == [{"data": content}]
    sender.join()


def test_half_a_message_is_waited_for(pair: tuple[Channel, Channel]) -> None:
    message = prefix(b"\x80", 0, 0)  # an empty map
    for part in (message[:2], message[2:-1]):
        pair[0]._sock.sendall(part)
        assert list(pair[1].received(wait=False)) == []
    pair[0]._sock.sendall(message[-1:])
    assert list(pair[1].received(wait=False)) == [{}]


def test_the_end_of_the_other_side_is_told(pair: tuple[Channel, Channel]) -> None:
    pair[0].send({"last": 1})
    pair[0].close()
    assert list(pair[1].received(wait=False)) == [{"last": 1}]
    with pytest.raises(EOFError):
        list(pair[1].received(wait=False))
