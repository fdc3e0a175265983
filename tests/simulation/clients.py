"""Clients of a simulated cluster: the real run of a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moviola.session import events as client_events
from moviola.session.destination import Place
from moviola.session.run import Run, UploadRequest
from moviola.session.target import Target
from moviola.wire.events import Damaged, Lost, Received
from tests.simulation import material
from tests.simulation.network import Network
from tests.simulation.program import MIDDLEWARE, Program
from tests.simulation.world import World


class PacedRun(Run):
    """Reads no faster than a chunk every so many seconds, as from a slow disk."""

    def __init__(self, pace_s: float, world: World, *more: Any) -> None:
        super().__init__(*more)
        self._pace_s, self._world = pace_s, world
        self._next_read_at = 0.0

    @property
    def reads_at(self) -> float | None:
        """When the next chunk will be read; None when none is wanted."""
        return self._next_read_at if super().wants_turn else None

    @property
    def wants_turn(self) -> bool:
        return self.reads_at is not None and self._world.now >= self._next_read_at

    def pull(self) -> client_events.Event:
        self._next_read_at = self._world.now + self._pace_s
        return super().pull()


class Client(Program):
    """The real session and shell of one submission; when it was killed it may come back and submit again."""

    def __init__(
        self,
        name: str,
        world: World,
        network: Network,
        folder: Path,
        chunk_count: int,
        made: Any,
        pace_s: float,
        user: str,
    ) -> None:
        super().__init__(name, world, network)
        self._pace_s = pace_s  # between two chunks
        self.user = user
        self.folder, self.chunk_count, self.submission = folder, chunk_count, made
        self.keys = [self.submission.key]  # under which it has sent that, or may
        self.run: PacedRun | None = None
        self.outcome: Any = None

    def _begin(self) -> None:
        assert self.loop is not None
        self.run = PacedRun(self._pace_s, self.world, self.loop, Target(MIDDLEWARE, user=self.user), self._request())
        self.run.feed(client_events.Start(), self.world.now)

    def _request(self) -> UploadRequest:
        """Return what it sends in this life."""
        reader = material.reader_of(self.submission, self.chunk_count)
        return UploadRequest(self.submission, reader, Place(self.folder))

    def interrupt(self, seconds: float) -> None:
        """It notices nothing of what happens meanwhile; whoever interrupts it lets it start again."""
        self.kill()

    def _end(self) -> None:
        self.run = None

    def _turn(self) -> None:
        assert self.run is not None
        assert self.loop is not None
        for event in self.loop.turn():
            if not isinstance(event, Received | Damaged | Lost):
                continue
            if event.connection in self.run.links.values():
                self.run.network(event, self.world.now)
        self.run.fire(self.world.now)
        self.run.read(self.world.now)
        if self.death == "in-flush":
            self.loop.flush_limit = self.world.random.randrange(3)
        self.loop.flush()
        if self.run.is_over and self.outcome is None:
            self._ended(self.run)

    def _ended(self, run: Run) -> None:
        """Its run is over."""
        assert self.loop is not None
        self.outcome = run.outcome()
        self.world.tell(f"{self.name} ends: {self.outcome.state} {self.outcome.reason}")
        loop, self.loop = self.loop, None
        loop.shut()

    def _deadline(self) -> float | None:
        assert self.run is not None
        deadlines = (self.run.reads_at, self.run.session.next_deadline())
        return min((at for at in deadlines if at is not None), default=None)
