"""An admin who has workers drained, takes that back now and then, and has those that left started again."""

from __future__ import annotations

from functools import partial
from typing import Final

from moviola.wire.events import Received
from moviola.wire.messages import VERSIONS, ControlWorker, Error, Event, Hello, Message, Welcome
from tests.simulation.network import Network, SimLoop
from tests.simulation.onlooker import USER
from tests.simulation.program import MIDDLEWARE
from tests.simulation.workers import Worker
from tests.simulation.world import World

STAY_S: Final = 6.0
"""How long it stays connected for a wish."""

SECOND_THOUGHTS_S: Final = (0.0, 0.01, 0.5, 3.0)
"""After which it takes a wish back, if it does."""

THIRD_THOUGHTS: Final = 0.5
"""How often it wishes once more, at once, what it has just taken back: before the worker can have answered."""

AWAY_S: Final = (3.0, 10.0, 30.0)
"""How long a worker that was drained and has left is away, before it is started again. It may leave long after the
wish: one that stood still hears of it when it goes on."""


class Operator:
    """Acts over connections of its own."""

    def __init__(self, world: World, network: Network) -> None:
        self._world, self._network = world, network

    def drain(self, worker: Worker) -> None:
        """Wish that a worker leaves, perhaps just when it says something; perhaps, a while later, that it stays after
        all; perhaps, at once, that it leaves even so."""
        random = self._world.random
        undo_s = random.choice(SECOND_THOUGHTS_S) if random.random() < 0.4 else None
        verbs = ["resume", "drain"] if random.random() < THIRD_THOUGHTS else ["resume"]
        loop = SimLoop("client-operator", self._network, lambda: self._world.later(0.0, hear))
        link = loop.dial([MIDDLEWARE], Hello("client", "operator", "session", list(VERSIONS), user=USER))

        def wish(verb: str) -> None:
            if loop.is_alive:
                loop.send(link, ControlWorker(worker.name, verb))
                loop.flush()

        def hear() -> None:
            for event in loop.turn():
                if isinstance(event, Received) and isinstance(event.message, Welcome):
                    wish_s = worker.beats_in_s() if random.random() < 0.5 else 0.0
                    self._world.later(wish_s, lambda: wish("drain"))
                    if undo_s is not None:
                        for verb in verbs:
                            self._world.later(wish_s + undo_s, partial(wish, verb))
                elif isinstance(event, Received):
                    self._hear(event.message)

        self._world.later(STAY_S, loop.shut)
        worker.away_s = random.choice(AWAY_S)

    def _hear(self, message: Message) -> None:
        if isinstance(message, Event):
            self._world.see("worker-wish", f"operator: {message.text}")
        elif isinstance(message, Error):
            self._world.see("worker-wish-refused", f"operator: {message.code} {message.text}")
