"""A client that looks at what a chain does, again and again: small jobs for it alone, which it leaves at any moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

from moviola.session import events as client_events
from moviola.session.destination import Place
from moviola.session.run import Run, UploadRequest
from moviola.session.target import Target
from moviola.wire.events import Damaged, Lost, Received
from tests.simulation import material
from tests.simulation.network import Network
from tests.simulation.program import MIDDLEWARE, Program
from tests.simulation.world import World

USER: Final = "previewer"

STAYS_S: Final = (0.2, 1.0, 5.0, 30.0)
"""How long it waits for a preview before it leaves."""

PAUSE_S: Final = 1.0
"""Between two previews."""


class Previewer(Program):
    """Asks for previews until the time of faults is over.

    Args:
        folder: gets the files that come.
        filters: that workers offer.
    """

    def __init__(self, name: str, world: World, network: Network, folder: Path, filters: tuple[str, ...]) -> None:
        super().__init__(name, world, network)
        self._folder, self._filters = folder, filters
        self._random = Random(f"{name} of {world.seed}")
        self._run: Run | None = None
        self._until = 0.0  # it waits for the present one, or for the next

    def _begin(self) -> None:
        self._run, self._until = None, self.world.now

    def _end(self) -> None:
        self._run = None

    def _turn(self) -> None:
        assert self.loop is not None
        for event in self.loop.turn():
            if self._run is None or not isinstance(event, Received | Damaged | Lost):
                continue
            if event.connection in self._run.links.values():
                self._run.network(event, self.world.now)
        if self._run is not None:
            self._run.fire(self.world.now)
            self._run.read(self.world.now)
        self.loop.flush()
        if self._run is not None and (self._run.is_over or self.world.now >= self._until):
            self._leave(self._run)
        elif self._run is None and self.world.now >= self._until:
            self._ask()
            self.loop.flush()

    def _ask(self) -> None:
        assert self.loop is not None
        made = material.submission("preview", 1, 1, [[self._random.choice(self._filters)]], "original")
        submission = replace(made, priority=100, new=True, is_preview=True)
        place = self._folder / str(self.lives) / f"{self.world.now:.3f}"
        place.mkdir(parents=True)
        request = UploadRequest(submission, material.reader_of(submission, 1), Place(place))
        self._run = Run(self.loop, Target(MIDDLEWARE, user=USER), request)
        self._until = self.world.now + self._random.choice(STAYS_S)
        self._run.feed(client_events.Start(), self.world.now)

    def _leave(self, run: Run) -> None:
        ended = run.session.ending
        what = "left" if ended is None else f"previewed-{ended.state}"
        self.world.see(what, f"{self.name} {'leaves' if ended is None else f'has {ended.state}: {ended.reason}'}")
        self._run, self._until = None, self.world.now + PAUSE_S
        if ended is None:
            self.kill()
            self.start()

    def _deadline(self) -> float | None:
        deadline = None if self._run is None else self._run.session.next_deadline()
        return min(at for at in (deadline, self._until) if at is not None)
