"""Workers of a simulated cluster: the real session, with computations that take steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from moviola.wire.events import Damaged, Lost, Received
from moviola.wire.messages import Cause, Death, Released, Task, Welcome
from tests.simulation import material
from tests.simulation.network import Link, Network
from tests.simulation.program import MIDDLEWARE, Program
from tests.simulation.world import World
from worker import events as worker_events
from worker.held_task import Identity
from worker.session import Session as WorkerSession

STEPS: Final = 5
BAD_STEP: Final = 3
"""A computation's steps, and the one at which it fails, crashes or hangs where it is to."""


class Worker(Program):
    """The real session; its computations take a while, and may fail, crash or hang as the script says.

    Args:
        filters: that it may be given.
        known: that it has; each asks for a label then, and the worker has the labels of those that it may be given.
            Empty: it has those that it may be given, and there are no labels.
    """

    def __init__(
        self,
        name: str,
        world: World,
        network: Network,
        filters: tuple[str, ...],
        fate: Fate,
        build: str,
        known: tuple[str, ...] = (),
    ) -> None:
        super().__init__(name, world, network)
        self.filters, self._fate, self._build = filters, fate, build
        self._schemas = tuple({"name": one} | ({"label": f"for-{one}"} if known else {}) for one in known or filters)
        self._labels = tuple(f"for-{one}" for one in filters) if known else ()
        self.session: WorkerSession | None = None
        self._connections: dict[str, int] = {}
        self._peers: dict[int, str] = {}
        self._inbox: list[worker_events.Event] = []
        self._died: Death | None = None
        self._abandoned: set[Any] = set()
        self.restarts_itself = True
        self.after_turn: Callable[[Worker], None] = lambda _worker: None
        self._token = f"token of {name}"
        self.is_dismissed = False  # the cluster has drained it: its parent leaves it at that
        self.wanted_at = 0.0  # when the cluster last had not drained it
        self.away_s = 0.0  # … until somebody starts it, so long after it has left

    def _begin(self) -> None:
        self._connections, self._peers, self._inbox, self._abandoned = {}, {}, [], set()
        is_anew = self.is_dismissed or (self._died is None and self.world.random.random() < 0.3)
        self.is_dismissed = False
        if is_anew:
            self._token = f"token of {self.name} {self.lives}"  # its parent began anew as well, and knows of no death
        session = f"{self.name}-{self.lives}"
        identity = Identity(
            self.name, session, self._schemas, ("video",), self._build, "host", self.lives, self._token, self._labels
        )
        self.session = WorkerSession(identity, (MIDDLEWARE,), self.world.random.random, self._died)
        self._died = None

    def _end(self) -> None:
        lease = self.session.computation.lease if self.session is not None else None
        if self._died is None and lease is not None:
            self._died = Death(lease, "SIGKILL", kind="killed", text="killed by SIGKILL")
        self.session = None

    def drain(self) -> None:
        self._report(worker_events.DrainRequested())

    def _called_back(self) -> None:
        """Somebody starts it again, whom the cluster has drained, and who has left."""
        if self.is_dismissed and not self.is_alive:
            self.is_dismissed = False
            self.start()

    def beats_in_s(self) -> float:
        """Return in how many seconds it shows its next sign of life."""
        return max(0.0, self.session._beat_at - self.world.now) if self.session is not None else 0.0

    def _report(self, event: worker_events.Event) -> None:
        if self.is_alive:
            self._inbox.append(event)
            self._wake(0.0)

    def _turn(self) -> None:
        assert self.loop is not None
        for event in self.loop.turn():
            self._happened(event)
        inbox, self._inbox = self._inbox, []
        for one in inbox:
            self._handle(one)
        self._handle(worker_events.Tick())
        if self.loop is not None and self.session is not None:
            self.is_dismissed = self.session.is_dismissed  # its parent knows before the cluster is told
            if self.death == "in-flush":
                self.loop.flush_limit = self.world.random.randrange(3)
            self.loop.flush()
            self.after_turn(self)

    def link(self, peer: str) -> Link | None:
        """The connection to a peer, while there is one."""
        number = self._connections.get(peer)
        end = self.loop.ends.get(number) if self.loop is not None and number is not None else None
        return end.link if end is not None else None

    def _happened(self, event: Any) -> None:
        peer = self._peers.get(event.connection)
        if peer is None:
            return
        if isinstance(event, Lost):
            self._forget(peer)
            self._handle(worker_events.Lost(peer, event.reason, event.error.code if event.error else ""))
        elif isinstance(event, Damaged):
            self._handle(worker_events.Damaged(peer, event.message))
        elif isinstance(event, Received):
            if isinstance(event.message, Welcome):
                self._handle(worker_events.Opened(peer, event.message))
            else:
                self._handle(worker_events.ServerMessage(peer, event.message, event.payload))

    def _handle(self, event: worker_events.Event) -> None:
        if self.session is None:
            return
        commands = self.session.handle(event, self.world.now)
        if not self.session.is_exiting:
            self.session.validate()
        if not self.session.is_dismissed:
            self.wanted_at = self.world.now
        for command in commands:
            self._execute(command)

    def _execute(self, command: worker_events.Command) -> None:
        assert self.loop is not None
        match command:
            case worker_events.Dial(peer, addresses, hello):
                number = self.loop.dial(addresses, hello)
                self._connections[peer], self._peers[number] = number, peer
            case worker_events.HangUp(peer):
                self.loop.close(self._forget(peer))
            case worker_events.Send(peer, message, payload):
                if isinstance(message, Released):
                    self.world.tell(f"{self.name} releases {message.lease}: {message.outcome}")
                self.loop.send(self._connections[peer], message, payload)
            case worker_events.Compute(task, payload, assets):
                self._compute(task, bytes(payload), assets)
            case worker_events.Abandon(lease):
                self._abandoned.add(lease)
            case worker_events.Exit(status):
                self.world.tell(f"{self.name} exits with {status}")
                assert self.session is not None
                self.is_dismissed = self.session.is_dismissed
                if self.session.peers.is_open(worker_events.MIDDLEWARE):
                    assert not self.session.held_tasks, f"{self.name} leaves with {list(self.session.held_tasks)}"
                if self.is_dismissed:
                    self.world.see("drained", f"{self.name} has left")
                    self.world.later(self.away_s, self._called_back)
                self.loop.flush()
                self.loop.shut()
                self.loop = None
                self.session = None
                if self.restarts_itself:
                    self.world.later(0.5, self._start_again)
            case worker_events.Log(text):
                self.world.tell(f"{self.name}: {text}")

    def _start_again(self) -> None:
        if not self.is_alive and not self.is_dismissed:
            self.start()

    def _forget(self, peer: str) -> int:
        number = self._connections.pop(peer)
        del self._peers[number]
        return number

    def _compute(self, task: Task, chunk: bytes, files: Mapping[str, bytes]) -> None:
        """In STEPS of equal length; between two of them it may be abandoned, as between two frames."""
        world, life = self.world, self.lives
        what = f"{task.job}/{task.track}/{task.index} {task.stage or ''} ({task.mode}, {task.lease})"
        world.see("stage" if task.stage else "task", f"{self.name} computes {what}")
        names = {step["name"] for step in task.output["chain"][slice(*task.stage or (None,))]}
        assert names <= set(self.filters), f"{self.name} offers {self.filters} and is given {what}: {names}"
        named = {value for step in task.output["chain"] for value in step["parameters"].values()}
        assert named <= files.keys() or task.mode == "drop", f"{self.name} is without the files of {what}: {named}"
        if named:
            world.see("file-read", f"{self.name} reads the files of {what}")
        fate = self._fate(task, self.name)
        step_s = world.random.uniform(0.1, 3.0) / STEPS

        def step(number: int) -> None:
            if self.lives != life or not self.is_alive:
                return
            if self.is_stopped:
                world.later(0.5, lambda: step(number))
            elif task.lease in self._abandoned:
                self._report(worker_events.Stopped(task.lease))
            elif number == BAD_STEP and fate == "crash":
                self._died = Death(task.lease, "SIGSEGV", kind="crash", text="killed by SIGSEGV")
                self.kill()
                world.later(0.5, self._start_again)
            elif number == BAD_STEP and fate == "fail":
                self._report(worker_events.Failed(task.lease, Cause(text="the filter raised")))
            elif number == BAD_STEP and fate == "hang":
                return
            elif number == STEPS:
                result = material.compute(chunk, task.output, task.mode, task.stage, self._build, files)
                self._report(worker_events.Computed(task.lease, result))
            else:
                self._report(worker_events.Progressed(task.lease, number, number))
                world.later(step_s, lambda: step(number + 1))

        step(1)

    def _deadline(self) -> float | None:
        return self.session.next_deadline() if self.session is not None else None


Fate = Callable[[Task, str], str]
"""What becomes of a task on a worker: "" (it works), `fail`, `crash` or `hang`."""
