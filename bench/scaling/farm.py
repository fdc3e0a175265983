"""A real dispatcher with scripted peers around it: one store, clients and workers; no shell, no socket.

Of the dispatcher only its constructor and `handle` are used, so that the same measurement is taken of any inside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Final

from middleware.dispatcher import Dispatcher
from middleware.events import (
    Close,
    Command,
    ForgetJob,
    MemberMessage,
    Peer,
    Recall,
    Recalled,
    SaveJob,
    Send,
    SendChunk,
    Tick,
)
from middleware.job_record import JobRecord
from middleware.job_request import JobRequest
from middleware.model.rules import Rules
from middleware.model.users import QUOTAS, Quota, Resource
from moviola.base.details import Policy
from moviola.base.finished_file import FinishedFile
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import JobState
from moviola.wire.addresses import Address
from moviola.wire.messages import (
    VERSIONS,
    AggregatorDetails,
    Beat,
    Chunk,
    End,
    Finish,
    Finished,
    Hello,
    Holdings,
    Job,
    Message,
    Own,
    Released,
    Stored,
    Submit,
    Task,
    WorkerDetails,
)
from moviola.wire.schema import Lease

STORE: Final[Peer] = 1
FIRST_CLIENT: Final[Peer] = 10
FIRST_WORKER: Final[Peer] = 1_000_000

ROOM_BYTES: Final = 1 << 40
TURN_S: Final = 0.004
"""Simulated time of one turn of the loop."""

JOBS_OF_USER: Final = 10
CHUNK_FRAMES: Final = 10
CHUNK_BYTES: Final = 1000
BUILD: Final = "build"


def rules_for(jobs: int) -> Rules:
    """Return the default rules with room for so many unfinished and ended jobs at once: 200 of the usual 1 000 places
    are for users who have none."""
    places = Quota(max(jobs, 1000), max(jobs, 1000), 0)
    return replace(Rules(), quotas={**QUOTAS, Resource.OPEN_JOBS: places}, history=places)


class Farm:
    """A real dispatcher, and peers that say what a measurement tells them to say. `now` is moved by hand.

    `lent` has the tasks that were handed out and not taken yet, in that order; `finishes` the Finish of each job whose
    results are all stored; `states` the last state that each job's client was told; `saved` what a ledger would keep of
    each job.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        ids = count(1)
        self.rules = rules or Rules()
        self.dispatcher = Dispatcher(
            epoch=1, rules=self.rules, new_id=lambda name: f"{name}-{next(ids)}", new_key=lambda: b"k" * 32
        )
        self.now = 100.0
        self.workers: list[Peer] = []
        self.lent: deque[tuple[Peer, Task]] = deque()
        self.finishes: list[Finish] = []
        self.states: dict[str, str] = {}
        self.saved: dict[str, tuple[JobRequest, JobRecord]] = {}
        self._clients: dict[str, Peer] = {}
        self._submitted = 0
        self._owned: list[Own] = []
        self._tick = Tick(ROOM_BYTES)
        self.tick()  # so that it knows its room
        details = AggregatorDetails("store", [Address("", 5001)])
        self.tell(STORE, Hello("aggregator", "store", "a", [*VERSIONS], details=details.to_wire(), token="store"))

    # ── what peers say ───────────────────────────────────────────────────────────────────────────────────────────

    def tell(self, peer: Peer, message: Message, size: int = 0, xxh3: int = 0) -> None:
        """Give the dispatcher a message of a peer; `size` and `xxh3` are those of its payload."""
        self.take(self.dispatcher.handle(MemberMessage(peer, message, size, xxh3, "127.0.0.1"), self.now))

    def tick(self) -> None:
        """End a turn of the loop."""
        self.take(self.dispatcher.handle(self._tick, self.now))

    def turn(self, seconds: float = TURN_S) -> None:
        """Let time pass, and end a turn of the loop."""
        self.now += seconds
        self.tick()

    def join_workers(self, number: int, filters: Sequence[str] = ("blur",)) -> None:
        """Let `number` more workers come, each of which offers these filters."""
        details = WorkerDetails([{"name": name} for name in filters], ["video"], 1, BUILD).to_wire()
        for _ in range(number):
            peer = FIRST_WORKER + len(self.workers)
            name = worker_name(peer)
            self.tell(peer, Hello("worker", name, f"s{peer}", [*VERSIONS], details=details, token=name))
            self.workers.append(peer)

    def submit(self, chunks: int, *, user: str, outputs: Sequence[str] = ("blur",)) -> str:
        """Let a user submit a job and send all of it, and the store take it on. Return the job's id.

        Args:
            chunks: of the one stream; each is a task for each output.
            user: who has a client of its own.
            outputs: the filter of each output.
        """
        peer = self._client_of(user)
        self._submitted += 1
        key = str(self._submitted)
        source = {"kind": "video", "name": "clip", "stream_count": 1, "process": {"codec": "h264"}, "fingerprint": key}
        wanted = [
            {"name": f"out{number}", "chain": [{"name": name, "parameters": {}}]} for number, name in enumerate(outputs)
        ]
        self.tell(peer, Submit(key, source, wanted, Policy(), 0, False, f"here:/{key}"))
        if not self._owned:
            raise RuntimeError(f"the dispatcher gave job {key} of user {user} to no store; was it refused?")
        own = self._owned.pop()
        self.tell(STORE, Holdings(own.job, own.owner_epoch, [b""] * len(outputs)))
        for index in range(chunks):
            self.tell(peer, Chunk(own.job, 0, index, CHUNK_FRAMES), CHUNK_BYTES, index + 1)
        self.tell(peer, End(own.job, [chunks]))
        return own.job

    def store(self, peer: Peer, task: Task, verdict: str = "kept") -> None:
        """Let the store say that it has a worker's result."""
        stored = Stored(task.job, task.track, task.index, verdict, task.lease, worker_name(peer), CHUNK_FRAMES)
        self.tell(STORE, stored)

    def release(self, peer: Peer, lease: Lease, outcome: str = "stored") -> None:
        """Let a worker give a lease back."""
        self.tell(peer, Released(lease, outcome))

    def beat(self) -> None:
        """Let the store and every worker give a sign of life."""
        self.tell(STORE, Beat())
        for peer in self.workers:
            self.tell(peer, Beat())

    def answer_finishes(self) -> int:
        """Let the store say that it has spliced all jobs that it was told to finish. Return how many these are."""
        finishes, self.finishes = self.finishes, []
        for finish in finishes:
            names = [f"out{track}" for track in range(len(finish.chunk_counts))]
            outputs = [OutputSummary(name, JobState.DONE, digest="d" * 32) for name in names]
            files = [FinishedFile(f"{name}.mp4", 1, "0" * 16) for name in names]
            self.tell(STORE, Finished(finish.job, finish.owner_epoch, "done", "", outputs, files))
        return len(finishes)

    # ── what the dispatcher commands ─────────────────────────────────────────────────────────────────────────────

    def take(self, commands: list[Command]) -> None:
        """Note what matters of the dispatcher's commands."""
        for command in commands:
            if isinstance(command, SendChunk):
                if isinstance(command.message, Task):
                    self.lent.append((command.peer, command.message))
            elif isinstance(command, Send):
                message = command.message
                if isinstance(message, Job):
                    self.states[message.job] = message.state
                elif isinstance(message, Own):
                    self._owned.append(message)
                elif isinstance(message, Finish):
                    self.finishes.append(message)
            elif isinstance(command, Close) and command.peer < FIRST_WORKER:
                raise RuntimeError(f"the dispatcher closed peer {command.peer}: {command.text}")
            elif isinstance(command, SaveJob):
                request = command.request or self.saved[command.job][0]
                self.saved[command.job] = (request, command.record)
            elif isinstance(command, Recall):
                saved = self.saved.get(command.job, (None, None))
                self.take(self.dispatcher.handle(Recalled(command, *saved), self.now))
            elif isinstance(command, ForgetJob):
                self.saved.pop(command.job, None)

    def _client_of(self, user: str) -> Peer:
        peer = self._clients.get(user)
        if peer is None:
            peer = self._clients[user] = FIRST_CLIENT + len(self._clients)
            self.tell(peer, Hello("client", user, f"c{peer}", [*VERSIONS], user=user))
        return peer


def worker_name(peer: Peer) -> str:
    """Return the name of the worker behind a connection."""
    return f"w{peer - FIRST_WORKER}"


def user_of(job: int) -> str:
    """Return the user who submits the job with this number."""
    return f"user {job // JOBS_OF_USER}"
