"""A look at the cluster: the current records of its workers, aggregators and jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgpack

from moviola.base.mapped import Map
from moviola.base.vocabulary import Notice, WorkerState
from moviola.filters.schema import FilterSchema, SchemaError
from moviola.session.target import Target, hello, nobody_answers
from moviola.wire.errors import Refused, Unreachable
from moviola.wire.events import Lost, Received
from moviola.wire.loop import Loop
from moviola.wire.messages import Aggregator, Error, Event, Filters, Job, Overview, Watch, Welcome, Worker

RETRY_S: Final = 0.2
"""Between two attempts to reach a middleware that may be starting just now."""


@dataclass(slots=True)
class ClusterView:
    """What is known: the newest record of each. `is_current` once the first records have all come."""

    workers: dict[str, Worker] = field(default_factory=dict)
    aggregators: dict[str, Aggregator] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    overview: Overview | None = None  # where it was asked for
    known_schemas: list[Map] = field(default_factory=list)  # of all filters ever announced, where asked
    is_current: bool = False

    def take(self, message: object) -> None:
        """A record more."""
        match message:
            case Worker():
                before = self.workers.get(message.name)
                facts = message.facts  # only a session's first record has the schemas
                if before is not None and before.session == message.session and not facts.schemas:
                    message = replace(message, facts=replace(facts, schemas=before.facts.schemas))
                self.workers[message.name] = message
            case Aggregator():
                self.aggregators[message.store] = message
            case Job():
                self.jobs[message.job] = message
            case Overview():
                self.overview = message
            case Filters():
                self.known_schemas = list(_unpacked(message.schemas))
            case Event(kind=Notice.CURRENT):
                self.is_current = True

    def connected_workers(self) -> list[Worker]:
        """Return the workers that are not lost."""
        return [worker for worker in self.workers.values() if worker.state != WorkerState.LOST]

    def connected_aggregators(self) -> list[Aggregator]:
        """Return the aggregators that are connected to the middleware."""
        return [one for one in self.aggregators.values() if one.connected]

    def offered_filters(self) -> dict[str, tuple[FilterSchema, int]]:
        """The schema of each filter that connected workers have, and how many of them are given tasks for it."""
        offered: dict[str, tuple[FilterSchema, int]] = {}
        for worker in self.connected_workers():
            given = frozenset(worker.facts.filters)
            for schema in _read(worker.facts.schemas):
                known, count = offered.get(schema.name, (schema, 0))
                offered[schema.name] = (known, count + (schema.name in given))
        return offered

    def known_filters(self) -> dict[str, FilterSchema]:
        """The schema of each filter that connected workers have, or that any worker ever did (where that was
        asked)."""
        ever = {schema.name: schema for schema in _read(self.known_schemas)}
        return ever | {name: schema for name, (schema, _) in self.offered_filters().items()}


def _unpacked(schemas: Iterable[bytes]) -> Iterator[Map]:
    for packed in schemas:
        with suppress(ValueError, msgpack.UnpackException):
            yield msgpack.unpackb(packed)


def _read(schemas: Iterable[Any]) -> Iterator[FilterSchema]:
    """Yield those schemas that can be read."""
    for data in schemas:
        with suppress(SchemaError):
            yield FilterSchema.from_wire(data)


def look(
    target: Target,
    topics: Sequence[str],
    *,
    until: Callable[[ClusterView], bool] = lambda view: view.is_current,
    timeout_s: float = 10.0,
    retry: bool = False,
) -> ClusterView:
    """Watches until the condition holds. With `retry` a middleware that is not there is called again till the timeout.

    Raises:
        Unreachable: no middleware took the connection.
        Refused: it did, and said no.
        TimeoutError: it was reached, but the condition did not come true in time.
    """
    deadline = time.monotonic() + timeout_s
    loop = Loop("client", secret=target.secret)
    reached = False
    try:
        while True:
            try:
                return _watch(loop, target, topics, until, deadline)
            except _Ended as ended:
                reached |= ended.reached
                if not retry or time.monotonic() + RETRY_S > deadline:
                    if reached:
                        raise TimeoutError(ended.reason) from None
                    raise Unreachable(nobody_answers(target.address, ended.reason)) from None
                _idle(loop, RETRY_S)
    finally:
        loop.shut()


class _Ended(Exception):
    def __init__(self, reason: str, *, reached: bool) -> None:
        super().__init__(reason)
        self.reason, self.reached = reason, reached


class _Connection:
    """One connection over which records are asked for, and the view that they have made so far."""

    def __init__(self, loop: Loop, target: Target, topics: Sequence[str]) -> None:
        self.view = ClusterView()
        self.is_reached = False
        self._loop, self._topics = loop, list(topics)
        self._link = loop.dial([target.address], hello(target.user), target.family)

    def ask(self) -> None:
        """Ask for all records."""
        self._loop.send(self._link, Watch(topics=self._topics))
        self._loop.flush()

    def turn(self, deadline: float) -> None:
        """Wait for what comes, until the deadline at the longest, and take it. Raises Refused or _Ended."""
        for event in self._loop.turn(deadline):
            match event:
                case Received(connection=connection, message=Welcome()) if connection == self._link:
                    self.is_reached = True
                    self.ask()
                case Received(message=Error() as error):
                    raise Refused(error.code, error.text)
                case Received(message=message):
                    self.view.take(message)
                case Lost(connection=connection, reason=reason, error=error) if connection == self._link:
                    if error is not None and not self.is_reached:
                        raise Refused(error.code, error.text)
                    raise _Ended(reason, reached=self.is_reached)
        self._loop.flush()


def _watch(
    loop: Loop, target: Target, topics: Sequence[str], until: Callable[[ClusterView], bool], deadline: float
) -> ClusterView:
    """One connection's worth of watching."""
    connection = _Connection(loop, target, topics)
    while not until(connection.view):
        if time.monotonic() > deadline:
            if not connection.is_reached:
                raise _Ended("no answer in time", reached=False)
            raise TimeoutError("the cluster is not as wanted yet")
        connection.turn(deadline)
    return connection.view


def _idle(loop: Loop, seconds: float) -> None:
    """Lets time pass without burning it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        loop.turn(deadline)
