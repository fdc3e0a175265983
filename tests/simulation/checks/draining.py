"""What must hold of workers that drain: they get no task, leave in time with nothing in their hands, or go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from middleware.model.cluster import Cluster
from middleware.model.states import WorkerState
from moviola.base.processes import DRAIN_LIMIT_S
from moviola.wire.messages import Beat, Drain, Hello, Message, Released, Task, WorkerDetails
from moviola.wire.tokens import is_same
from tests.simulation.network import End, Link

if TYPE_CHECKING:
    from tests.simulation.scenario import Scenario
    from tests.simulation.workers import Worker

SLACK_S: Final = 1.0
"""What the end of a drain may come too late."""


@dataclass(slots=True)
class _Line:
    """What was said over a worker's connection to the middleware.

    Attributes:
        name: the worker's.
        session: of its process.
        token: of its parent's.
        told: whether it shall drain, as the middleware said last; None where it said nothing.
        drains: how often the middleware has said so over this connection.
        says: whether it drains, as it said last.
        is_settled: it had heard all that by then, and has given no task back since.
    """

    name: str
    session: str
    token: str
    told: bool | None
    says: bool
    drains: int = 0
    is_settled: bool = False


class DrainChecks:
    """Knows from the wire who is told to drain, and who says that it does."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._lines: dict[Link, _Line] = {}
        self._told: dict[tuple[int, str], tuple[str, str, bool | None]] = {}
        """(life of the middleware, worker) → its session and token, and what this was told last."""
        self.on_told: Callable[[Link], None] = lambda _link: None

    def sent(self, sender: End, message: Message) -> None:
        """A message leaves the middleware."""
        line = self._lines.get(sender.link)
        if line is None:
            return
        if isinstance(message, Drain):
            key = (self._scenario.middleware.lives, line.name)
            line.told, line.is_settled = message.wanted, False
            line.drains += 1
            self._told[key] = (line.session, line.token, message.wanted)
            verb = "drain" if message.wanted else "go on"
            self.on_told(sender.link)
            self._scenario.world.see(f"told-to-{verb.replace(' ', '-')}", f"{line.name} is told to {verb}")
        elif isinstance(message, Task):
            assert not line.says, f"{line.name} says that it drains, and is given {message.lease}"
            assert not line.told, f"{line.name} is to drain, and is given {message.lease}"

    def arrived(self, receiver: End, message: Message) -> None:
        """A message arrives at the middleware."""
        if isinstance(message, Hello) and message.role == "worker":
            self._joins(receiver.link, message)
        line = self._lines.get(receiver.link)
        if line is not None and isinstance(message, Beat):
            line.says, line.is_settled = message.draining, message.drains == line.drains
        elif line is not None and isinstance(message, Released) and message.outcome == "drained":
            line.is_settled = False

    def _joins(self, link: Link, hello: Hello) -> None:
        """A process that was told to drain is to do so after a lost connection, whether it had heard that or not. Who
        takes its name meanwhile takes the wish, too."""
        key = (self._scenario.middleware.lives, hello.name)
        session, token, told = self._told.get(key, ("", "", None))
        says = WorkerDetails.from_wire(hello.details).draining
        is_it = session == hello.session and is_same(token, hello.token)  # an impostor may say any session
        told = told if is_it and not self._is_taken_back(hello.name) else None
        self._lines[link] = _Line(hello.name, hello.session, hello.token, told or None, says)
        self._told[key] = (hello.session, hello.token, told)

    def _is_taken_back(self, name: str) -> bool:
        """Whether the last wish for a worker was that it goes on: the connection may have been gone by then."""
        server = self._scenario.middleware.server
        record = server.dispatcher.cluster.fleet.by_name.get(name) if server is not None else None
        return record is not None and record.drain_wish is False

    def middleware_turn(self, cluster: Cluster) -> None:
        """Who says that it drains, or was told to, counts for nothing; who says that it does not, and was not told to,
        may have tasks."""
        loop = self._scenario.middleware.loop
        if loop is None or loop.flush_limit is not None:
            return  # it dies while it writes: not all that was decided has been told
        for worker in cluster.fleet.connected():
            end = loop.ends.get(worker.peer)
            line = self._lines.get(end.link) if end is not None else None
            if line is not None and (line.says or line.told):
                assert worker.state is WorkerState.DRAINING, f"{worker.name} drains, or is to, and is {worker.state}"
            elif line is not None and line.is_settled:
                assert worker.state is not WorkerState.DRAINING, f"{worker.name} drains no more, and gets nothing"

    def worker_turn(self, worker: Worker) -> None:
        """Who is drained has left when its time is over."""
        session, now = worker.session, self._scenario.world.now
        if session is None or not session.is_dismissed:
            return
        since = max(worker.wanted_at, worker.resumed_at)
        assert now - since <= DRAIN_LIMIT_S + SLACK_S, f"{worker.name} drains for {now - since:.1f} s"
