"""A person who ends a job, takes that back at once, and sends its source again: it begins again with the same store."""

from __future__ import annotations

from typing import Final

from moviola.wire.events import Received
from moviola.wire.messages import VERSIONS, Control, Hello, Welcome
from tests.simulation.clients import Client
from tests.simulation.middlewares import Middleware
from tests.simulation.network import Network, SimLoop
from tests.simulation.program import MIDDLEWARE
from tests.simulation.world import World

STAY_S: Final = 1.0
"""How long it waits for what becomes of its wishes before its client is back."""


class Undecided:
    """Acts for the users of the honest clients, over connections of its own. `jobs` are those that it has ended."""

    def __init__(self, world: World, network: Network) -> None:
        self._world, self._network = world, network
        self.jobs: set[str] = set()

    def change_mind(self, middleware: Middleware, client: Client) -> None:
        """The client is interrupted, and its job ended and begun again. Nothing happens while it has none."""
        jobs = middleware.server.dispatcher.cluster.open.values() if middleware.server is not None else ()
        mine = (one.id for one in jobs if (one.request.key, one.user.name) == (client.submission.key, client.user))
        job = next(mine, None)
        if job is None or client.outcome is not None:
            return
        client.kill()
        self.jobs.add(job)
        self._world.see("changed-mind", f"{client.user} ends job {job}, and begins it again")
        loop = SimLoop("undecided", self._network, lambda: self._world.later(0.0, hear))
        link = loop.dial([MIDDLEWARE], Hello("client", "undecided", "session", list(VERSIONS), user=client.user))

        def hear() -> None:
            if any(isinstance(event, Received) and isinstance(event.message, Welcome) for event in loop.turn()):
                loop.send(link, Control(job, "priority", 1))  # kept while it begins again
                loop.send(link, Control(job, "cancel"))
                loop.send(link, Control(job, "retry"))
                loop.flush()

        def leave() -> None:
            loop.shut()
            if not client.is_alive and client.outcome is None:
                client.start()

        self._world.later(STAY_S, leave)
