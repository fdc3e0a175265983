"""A person who wishes now this, now that: another priority for a job; its end, and at once its beginning again."""

from __future__ import annotations

import re
from typing import Final

from middleware.model.job import Job
from moviola.base.vocabulary import Notice, Verb
from moviola.wire.events import Received
from moviola.wire.messages import VERSIONS, Control, Event, Hello, Welcome
from tests.simulation.clients import Client
from tests.simulation.middlewares import Middleware
from tests.simulation.network import Network, SimLoop
from tests.simulation.program import MIDDLEWARE
from tests.simulation.world import World

STAY_S: Final = 1.0
"""How long it waits for what becomes of its wishes before its client is back."""

_PRIORITY: Final = re.compile(r"job \S+ has priority (\d+)")
"""How the middleware says that it has given a job a priority, or that it has it already."""


class Undecided:
    """Acts for the users of the honest clients, over connections of its own.

    `jobs` are those that it has ended. `priorities` are, for each job that it has wished one for, those that the job
    may have: one, and while nothing is known of the newest wish, that one as well.
    """

    def __init__(self, world: World, network: Network) -> None:
        self._world, self._network = world, network
        self.jobs: set[str] = set()
        self.priorities: dict[str, list[int]] = {}

    def change_priority(self, middleware: Middleware, client: Client, priority: int) -> None:
        """The client's job gets another priority. Nothing happens while it has no job."""
        job = _job_of(middleware, client)
        if job is not None:
            self._world.see("changed-priority", f"{client.user} wishes priority {priority} for job {job.id}")
            self._wish(client, job.id, self._priority(job, priority))

    def change_mind(self, middleware: Middleware, client: Client) -> None:
        """The client is interrupted, and its job ended and begun again. Nothing happens while it has none."""
        job = _job_of(middleware, client)
        if job is None:
            return
        client.interrupt(STAY_S)
        self.jobs.add(job.id)
        self._world.see("changed-mind", f"{client.user} ends job {job.id}, and begins it again")
        kept = self._priority(job, 1)  # while it begins again
        self._wish(client, job.id, [*kept, Control(job.id, Verb.CANCEL), Control(job.id, Verb.RETRY)])

    def _priority(self, job: Job, priority: int) -> list[Control]:
        """Return the wish for a priority; none while it is not known what became of the one before."""
        known = self.priorities.setdefault(job.id, [job.request.priority])
        if len(known) > 1:
            return []
        known.append(priority)
        return [Control(job.id, Verb.PRIORITY, priority)]

    def _wish(self, client: Client, job: str, wishes: list[Control]) -> None:
        loop = SimLoop("undecided", self._network, lambda: self._world.later(0.0, hear))
        link = loop.dial([MIDDLEWARE], Hello("client", "undecided", "session", list(VERSIONS), user=client.user))

        def hear() -> None:
            for event in loop.turn():
                match event:
                    case Received(message=Welcome()):
                        for wish in wishes:
                            loop.send(link, wish)
                        loop.flush()
                    case Received(message=Event(kind=Notice.WISH_GRANTED, text=text)):
                        if found := _PRIORITY.match(text):
                            self.priorities[job] = [int(found[1])]

        def leave() -> None:
            loop.shut()
            if not client.is_alive and client.outcome is None:
                client.start()

        self._world.later(STAY_S, leave)


def _job_of(middleware: Middleware, client: Client) -> Job | None:
    """Return the open job of a client that goes on."""
    if middleware.server is None or client.outcome is not None:
        return None
    jobs = (one for one in middleware.server.dispatcher.cluster.open.values() if one.user.name == client.user)
    return next((one for one in jobs if any(one.request.has_key(key) for key in client.keys)), None)
