"""The results of a track for whoever reads them slowly, or stops: what waits meanwhile, and what comes afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest

from moviola.session.reading import Ending
from moviola.session.target import Target
from moviola.web import results
from moviola.web.results import Results
from moviola.wire.addresses import Address
from moviola.wire.asyncio_links import ReceiveMemory
from moviola.wire.events import Lost, NetworkEvent, Received
from moviola.wire.messages import Error, FetchedResult, FetchResult, Hello, Job, Message, Watch, Welcome

HERE: Final = Address("127.0.0.1", 6001)
RUNNING: Final = Job("j", "clip.mp4", "running", addresses=[HERE])
DONE: Final = Job("j", "clip.mp4", "done", addresses=[HERE])
MIDDLEWARE, AGGREGATOR = 1, 2


class FakeLinks:
    """A middleware, and an aggregator that has every result; each as soon as it is called."""

    def __init__(self, deliver: Callable[[NetworkEvent], None], *_: Any) -> None:
        self.deliver = deliver
        self.asked: list[int] = []
        self.dialled = 0

    def dial(self, addresses: Any, hello: Hello, family: Any = None) -> int:
        self.dialled += 1
        self.deliver(Received(self.dialled, Welcome(version=3, epoch=1)))
        return self.dialled

    def send(self, connection: int, message: Message, payload: bytes = b"") -> None:
        match message:
            case Watch():
                self.deliver(Received(connection, RUNNING))
            case FetchResult(index=index):
                self.asked.append(index)
                told = FetchedResult("j", 0, index, "stored", None, {}, {})
                self.deliver(Received(connection, told, b"%d" % index))

    def close(self, connection: int) -> None: ...

    def shut(self) -> None: ...


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> list[FakeLinks]:
    """The links that results have made."""
    made: list[FakeLinks] = []

    def links(*told: Any) -> FakeLinks:
        made.append(FakeLinks(*told))
        return made[-1]

    monkeypatch.setattr(results, "AsyncioLinks", links)
    return made


def opened() -> Results:
    return Results(Target(Address("127.0.0.1", 1)), "j", 0, 0, ReceiveMemory())


def test_while_nobody_reads_the_newest_record_alone_waits(cluster: list[FakeLinks]) -> None:
    async def story() -> None:
        track = opened()
        assert await track.next() == b"0"
        (links,) = cluster
        for _ in range(1000):
            links.deliver(Received(MIDDLEWARE, RUNNING))
        links.deliver(Received(MIDDLEWARE, DONE))
        assert len(track._inbox) == 1
        assert await track.next() == b"1"
        assert track.reading.record == DONE
        assert links.asked == [0, 1]

    asyncio.run(story())


def test_what_came_before_the_newest_record_is_told_before_it(cluster: list[FakeLinks]) -> None:
    """The aggregator is lost, and the job that was running then is done by the time somebody reads on: all that is left
    is in its files."""

    async def story() -> None:
        track = opened()
        await track.next()
        (links,) = cluster
        for event in (
            Received(MIDDLEWARE, RUNNING), Lost(AGGREGATOR, "it is gone"), Received(MIDDLEWARE, RUNNING),
            Received(MIDDLEWARE, DONE),
        ):  # fmt: skip
            links.deliver(event)
        waiting = [await track._inbox.get() for _ in range(len(track._inbox))]
        assert waiting == [Lost(AGGREGATOR, "it is gone"), Received(MIDDLEWARE, DONE)]

    asyncio.run(story())


def test_a_record_of_another_connection_and_an_error_stay(cluster: list[FakeLinks]) -> None:
    async def story() -> None:
        track = opened()
        await track.next()
        (links,) = cluster
        forgotten = Received(MIDDLEWARE, Error("unknown-job", "there is no such job"))
        for event in (Received(MIDDLEWARE, RUNNING), Received(7, RUNNING), forgotten):
            links.deliver(event)
        assert len(track._inbox) == 3
        links.asked.clear()
        links.send = lambda *_: None  # type: ignore[method-assign]  # the aggregator owes an answer
        assert await track.next() is None
        assert track.ended is not None
        assert (track.ended.ending, track.ended.reason) == (Ending.OVER, "there is no such job")

    asyncio.run(story())
