"""A listener over real sockets: it calls again whoever is lost, and says why it cannot listen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from moviola.session.cluster_events import ClusterEvent
from moviola.session.event_feed import EventFeed
from moviola.session.listening import Listener
from moviola.session.target import Target
from moviola.wire.addresses import Address
from moviola.wire.errors import Refused, Unreachable
from moviola.wire.events import Received
from moviola.wire.loop import Loop
from moviola.wire.messages import Error, EventRecord, Events, Hello, Message, Snapshot, Subscribe, Subscribed, Welcome
from tests.ports import free_port
from tests.waiting import until


class Middleware:
    """Takes subscriptions, and answers each with the next script."""

    def __init__(self, port: int, *scripts: list[Message]) -> None:
        self.loop = Loop("middleware")
        self.port = self.loop.listen("127.0.0.1", port)
        self.asked: list[Subscribe] = []
        self.links: list[int] = []
        self._scripts = list(scripts)

    def turn(self) -> None:
        for event in self.loop.turn(0.0):
            if isinstance(event, Received) and isinstance(event.message, Hello):
                self.links.append(event.connection)
                self.loop.send(event.connection, Welcome(3, 1))
            elif isinstance(event, Received) and isinstance(event.message, Subscribe):
                self.asked.append(event.message)
                for message in self._scripts.pop(0) if self._scripts else ():
                    self.loop.send(event.connection, message)
        self.loop.flush()


@pytest.fixture
def heard() -> list[ClusterEvent]:
    return []


@pytest.fixture
def listeners() -> Iterator[list[Listener]]:
    made: list[Listener] = []
    yield made
    for one in made:
        one.close()


def event(number: int) -> Events:
    return Events(number, [EventRecord(number, "job-done", "it is done", 1.0, "j", state="done")])


def test_it_comes_back_behind_what_it_has(heard: list[ClusterEvent], listeners: list[Listener]) -> None:
    middleware = Middleware(
        free_port(), [Subscribed("1.a", 4), Snapshot(4), event(5)], [Subscribed("1.a", 5), event(6)]
    )
    listener = Listener(Target(Address("127.0.0.1", middleware.port)), EventFeed())
    listeners.append(listener)

    def turn(count: int) -> bool:
        middleware.turn()
        heard.extend(listener.turn(0.01))
        return len([one for one in heard if one.id]) == count

    until(lambda: turn(1), heard)
    middleware.loop.close(middleware.links[0])
    until(lambda: turn(2), heard)
    middleware.loop.shut()
    assert [one.kind for one in heard] == ["job-done", "disconnected", "connected", "job-done"]
    assert [str(one.id) for one in heard if one.id] == ["1.a-5", "1.a-6"]
    assert [one.number for one in middleware.asked] == [0, 5]


def test_a_refusal_is_raised(listeners: list[Listener]) -> None:
    middleware = Middleware(free_port(), [Error("not-yours", "it is not yours", fatal=False)])
    listener = Listener(Target(Address("127.0.0.1", middleware.port)), EventFeed(job="j"))
    listeners.append(listener)

    def refused() -> bool:
        middleware.turn()
        try:
            listener.turn(0.01)
        except Refused as error:
            return error.text == "it is not yours"
        return False

    until(refused, "a refusal")
    middleware.loop.shut()


def test_where_nobody_is_it_says_so(listeners: list[Listener]) -> None:
    nobody = Listener(Target(Address("127.0.0.1", free_port())), EventFeed())
    listeners.append(nobody)
    with pytest.raises(Unreachable, match="No middleware answers"):
        until(lambda: nobody.turn(0.1), "that nobody is there")


def test_a_patient_one_waits_for_a_middleware_that_is_to_come(
    heard: list[ClusterEvent], listeners: list[Listener]
) -> None:
    port = free_port()
    listener = Listener(Target(Address("127.0.0.1", port)), EventFeed(), is_patient=True)
    listeners.append(listener)

    def away() -> bool:
        heard.extend(listener.turn(0.01))
        return bool(heard)

    until(away, "that nobody is there")
    middleware = Middleware(port, [Subscribed("1.a", 0), event(1)])

    def told() -> bool:
        middleware.turn()
        heard.extend(listener.turn(0.01))
        return len(heard) == 3

    until(told, heard)
    middleware.loop.shut()
    assert [one.kind for one in heard] == ["disconnected", "connected", "job-done"]
