"""Connections of an asyncio program with a loop at the other end, by real sockets on loopback."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from moviola.wire import limits
from moviola.wire.addresses import Address
from moviola.wire.asyncio_links import AsyncioLinks, ReceiveMemory
from moviola.wire.errors import Unsendable
from moviola.wire.events import Lost, NetworkEvent, Received
from moviola.wire.framing import checksum, prefix
from moviola.wire.loop import Loop
from moviola.wire.messages import HandOn, Task, Welcome, encode
from tests.ports import free_port
from tests.waiting import PATIENCE_S
from tests.wire.pair import HANDED, HELLO, TASK

LARGE = bytes(range(256)) * (20 * limits.MIB // 256)
"""More than the buffers of sockets hold."""


class Meeting:
    """Asyncio's links, a loop that accepts, and all events of both."""

    def __init__(self, memory_bytes: int | None = None) -> None:
        self.at_client: list[NetworkEvent] = []
        self.at_server: list[NetworkEvent] = []
        self.server = Loop("middleware")
        self.port = self.server.listen("localhost", 0)
        self.links = AsyncioLinks(self.take, b"", ReceiveMemory(memory_bytes))

    def take(self, event: NetworkEvent) -> None:
        self.at_client.append(event)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.at_server += self.server.turn(time.monotonic())
                self.server.flush()
                await asyncio.sleep(0.001)

    async def opened(self) -> tuple[int, int]:
        """Connection ids at the client and at the server, handshake done."""
        here = self.links.dial([Address("127.0.0.1", self.port)], HELLO)
        await self.until(lambda: self.at_server)
        there = self.at_server.pop()
        assert isinstance(there, Received)
        self.server.send(there.connection, Welcome(version=3, epoch=7))
        await self.until(lambda: self.at_client)
        welcome = self.at_client.pop()
        assert isinstance(welcome, Received)
        assert (welcome.connection, welcome.message) == (here, Welcome(version=3, epoch=7))
        return here, there.connection


def play(story: Callable[[Meeting], Awaitable[None]], memory_bytes: int | None = None) -> None:
    async def played() -> None:
        meeting = Meeting(memory_bytes)
        try:
            await story(meeting)
        finally:
            meeting.links.shut()
            meeting.server.shut()
            await asyncio.sleep(0)  # asyncio closes its sockets one turn later

    asyncio.run(played())


def test_large_messages_come_whole_in_both_directions() -> None:
    async def story(meeting: Meeting) -> None:
        here, there = await meeting.opened()
        meeting.links.send(here, HANDED, LARGE)
        await meeting.until(lambda: meeting.at_server)  # who has as much to say itself would not be read
        meeting.server.send(there, TASK, LARGE)
        await meeting.until(lambda: meeting.at_client)
        for events, message in ((meeting.at_client, TASK), (meeting.at_server, HANDED)):
            [event] = events
            assert isinstance(event, Received)
            assert (event.message, event.payload) == (message, LARGE)

    play(story)


def test_what_was_sent_before_a_close_arrives_and_nothing_more_is_told() -> None:
    async def story(meeting: Meeting) -> None:
        here, _ = await meeting.opened()
        meeting.links.send(here, HANDED, LARGE)
        meeting.links.close(here)
        await meeting.until(lambda: any(isinstance(event, Lost) for event in meeting.at_server))
        first = meeting.at_server[0]
        assert isinstance(first, Received)
        assert (first.message, first.payload) == (HANDED, LARGE)
        assert meeting.at_client == []

    play(story)


def test_a_message_that_stops_in_its_middle_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FRAME_TIMEOUT_S", 0.1)

    async def story(meeting: Meeting) -> None:
        _, there = await meeting.opened()
        begun = prefix(encode(TASK), 1000, checksum(bytes(1000))) + bytes(10)
        sock = meeting.server._links[there].sock
        assert sock is not None
        sock.sendall(begun)
        await meeting.until(lambda: meeting.at_client)
        [lost] = meeting.at_client
        assert isinstance(lost, Lost)
        assert lost.reason.startswith("silent: a message stopped in its middle")

    play(story)


def test_messages_beyond_the_memory_come_one_after_the_other() -> None:
    async def story(meeting: Meeting) -> None:
        ends = [await meeting.opened() for _ in range(3)]
        for _, there in ends:
            meeting.server.send(there, TASK, LARGE)
        await meeting.until(lambda: len(meeting.at_client) == len(ends))
        assert {event.connection for event in meeting.at_client if isinstance(event, Received)} == {
            here for here, _ in ends
        }

    play(story, limits.MIB)


def test_what_cannot_be_sent_is_said_and_the_connection_stays() -> None:
    async def story(meeting: Meeting) -> None:
        here, _ = await meeting.opened()
        with pytest.raises(Unsendable):
            meeting.links.send(here, replace(TASK, source={"name": "x" * limits.MAX_HEADER}))
        meeting.links.send(here, HANDED, b"x")
        await meeting.until(lambda: meeting.at_server)
        assert isinstance(meeting.at_server[0], Received)
        assert isinstance(meeting.at_server[0].message, HandOn)

    play(story)


def test_who_ends_all_because_of_a_message_hears_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(meeting: Meeting) -> None:
        _, there = await meeting.opened()
        heard: list[NetworkEvent] = []

        def take(event: NetworkEvent) -> None:
            heard.append(event)
            meeting.links.shut()

        monkeypatch.setattr(meeting.links, "_deliver", take)
        for _ in range(3):
            meeting.server.send(there, TASK, b"x")  # which leave together
        await meeting.until(lambda: any(isinstance(event, Lost) for event in meeting.at_server))
        [event] = heard
        assert isinstance(event, Received)
        assert isinstance(event.message, Task)

    play(story)


def test_a_peer_that_is_not_there_is_told_as_lost() -> None:
    async def story(meeting: Meeting) -> None:
        here = meeting.links.dial([Address("127.0.0.1", free_port())], HELLO)
        await meeting.until(lambda: meeting.at_client)
        [lost] = meeting.at_client
        assert isinstance(lost, Lost)
        assert (lost.connection, lost.error) == (here, None)
        assert os.strerror(errno.ECONNREFUSED) in lost.reason

    play(story)


def test_a_peer_that_goes_is_told_as_lost() -> None:
    async def story(meeting: Meeting) -> None:
        here, there = await meeting.opened()
        meeting.server.close(there, "busy", "too many are here")
        await meeting.until(lambda: meeting.at_client)
        [lost] = meeting.at_client
        assert isinstance(lost, Lost)
        assert (lost.connection, lost.reason) == (here, "too many are here")

    play(story)
