"""A client without a job: it asks for all records once and is told of changes, or again and again, or says nothing."""

from __future__ import annotations

from typing import Final

from moviola.wire.events import Lost, Received
from moviola.wire.messages import VERSIONS, Hello, Watch, Welcome
from tests.simulation.network import Network
from tests.simulation.program import MIDDLEWARE, Program
from tests.simulation.world import World

USER: Final = "onlooker"
"""An admin: what happens to every job is told to it."""

PAUSE_S: Final = 1.0
"""Between two connections."""

QUESTION_S: Final = 0.2
"""Between two questions."""


class Onlooker(Program):
    """Asks so many `questions` over a connection, and comes back when that is lost."""

    def __init__(self, name: str, world: World, network: Network, questions: int) -> None:
        super().__init__(name, world, network)
        self._questions, self._left = questions, 0
        self._link: int | None = None
        self._is_open = False
        self._next_at = 0.0

    def _begin(self) -> None:
        self._link, self._is_open, self._next_at = None, False, self.world.now

    def _turn(self) -> None:
        assert self.loop is not None
        for event in self.loop.turn():
            if isinstance(event, Lost):
                self._link, self._is_open, self._next_at = None, False, self.world.now + PAUSE_S
            elif isinstance(event, Received) and isinstance(event.message, Welcome):
                self._is_open, self._next_at, self._left = True, self.world.now, self._questions
        if self.world.now >= self._next_at:
            self._next_at = self.world.now + QUESTION_S
            if self._link is None:
                hello = Hello("client", self.name, "session", list(VERSIONS), user=USER)
                self._link = self.loop.dial([MIDDLEWARE], hello)
            elif self._is_open and self._left:
                self._left -= 1
                self.loop.send(self._link, Watch(topics=["jobs", "workers", "filters"]))
        self.loop.flush()

    def _deadline(self) -> float | None:
        return self._next_at if self._left or self._link is None else None
