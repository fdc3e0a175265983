"""A dispatcher under a script: peers say things, and what the dispatcher commands is kept to be looked at."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping
from itertools import count
from typing import TypeVar

from middleware.dispatcher import Dispatcher
from middleware.events import (
    Check,
    Close,
    Command,
    Damaged,
    ForgetFilter,
    ForgetStore,
    FoundDamaged,
    FoundWhole,
    FreeChunk,
    FreeJob,
    FreeStage,
    Left,
    MemberMessage,
    Recall,
    Recalled,
    SaveFilter,
    SaveStore,
    Send,
    SendChunk,
    SendStage,
    SpoolChunk,
    SpoolStage,
    StageKept,
    StageNotKept,
    Tick,
)
from middleware.job_record import JobRecord
from middleware.job_request import JobRequest
from middleware.model.rules import Rules
from moviola.base.details import Policy
from moviola.base.finished_file import FinishedFile
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import JobState
from moviola.wire.addresses import Address
from moviola.wire.bitmap import Bitmap
from moviola.wire.messages import (
    AggregatorDetails,
    Beat,
    Cause,
    Chunk,
    Death,
    End,
    EventRecord,
    Events,
    Finish,
    Finished,
    HandOn,
    HeldLease,
    Hello,
    Holdings,
    Job,
    Message,
    Own,
    Pass,
    Released,
    Stored,
    Submit,
    Subscribe,
    Task,
    Watch,
    WorkerDetails,
)

M = TypeVar("M", bound=Message)
ROOM = 1 << 30
KEY = b"k" * 32


def held_lease(task: Task, phase: str = "computing") -> HeldLease:
    """A lease as a returning worker tells it."""
    return HeldLease(
        task.lease,
        task.job,
        task.track,
        task.index,
        task.owner_epoch,
        phase,
        task.mode,
        task.stage,
        task.build,
        task.tag,
    )


def bits(*indexes: int) -> bytes:
    made = Bitmap()
    for index in indexes:
        made.add(index)
    return made.to_wire()


class Script:
    """Peers are numbers; `said(peer, Type)` are the messages that the dispatcher sent a peer, newest last."""

    def __init__(self, *, epoch: int = 1, rules: Rules | None = None) -> None:
        ids = count(1)
        self.dispatcher = Dispatcher(
            epoch=epoch, rules=rules or Rules(), new_id=lambda name: f"{name}-{next(ids)}", new_key=lambda: KEY
        )
        self.now = 100.0
        self.commands: list[Command] = []
        self.spool: set[tuple[str, int, int]] = set()
        self.stages: set[tuple[str, int, int]] = set()  # (job, track, index)
        self.disk_is_full = False
        self.damaged: set[tuple[str, int, int]] = set()  # (job, stream, index) of what is not as it was spooled
        self.aggregators_are_silent = False
        self.jobs: dict[str, tuple[JobRequest, JobRecord]] = {}
        self.chunks: dict[tuple[str, int, int], tuple[int, int | None, int]] = {}
        self.filters: dict[str, bytes] = {}
        self.stores: dict[str, tuple[str, bytes]] = {}

    def tell(self, peer: int, message: Message, *, size: int = 0, xxh3: int = 0, host: str = "127.0.0.1") -> None:
        self._take(self.dispatcher.handle(MemberMessage(peer, message, size, xxh3, host), self.now), (size, xxh3))
        if isinstance(message, Watch | Subscribe):
            self._take(self.dispatcher.handle(Tick(ROOM), self.now))  # records are told at the end of a turn

    def garble(self, peer: int, message: Message) -> None:
        """A peer's message arrives with another payload than it left with."""
        self._take(self.dispatcher.handle(Damaged(peer, message), self.now))

    def leave(self, peer: int) -> None:
        self._take(self.dispatcher.handle(Left(peer, "gone"), self.now))

    def tick(self, seconds: float = 0.0, room: int = ROOM) -> None:
        """Lets time pass in steps a real loop would make, with a Tick after each; aggregators beat."""
        end = self.now + seconds
        while True:
            self.now = min(end, self.now + 0.2)
            for peer in () if self.aggregators_are_silent else list(self.dispatcher.cluster.aggregators):
                self._take(self.dispatcher.handle(MemberMessage(peer, Beat()), self.now))
            self._take(self.dispatcher.handle(Tick(room), self.now))
            if self.now >= end:
                return

    def wait(self, seconds: float) -> None:
        """Lets time pass in which workers beat as well."""
        for _ in range(round(seconds)):
            for peer in list(self.dispatcher.cluster.workers):
                self.tell(peer, Beat())
            self.tick(1.0)

    def jump(self, seconds: float) -> None:
        """The process itself was stopped: no tick for so long."""
        self.now += seconds

    def _take(self, commands: list[Command], payload: tuple[int, int] = (0, 0)) -> None:
        self.dispatcher.validate()
        self.commands += commands
        for command in commands:
            if isinstance(command, SpoolChunk):
                self.spool.add((command.job, command.stream, command.index))
                self.chunks[command.job, command.stream, command.index] = (command.frame_count, *payload)
            elif type(command).__name__ == "SaveJob":
                request = command.request or self.jobs[command.job][0]  # type: ignore[union-attr]
                self.jobs[command.job] = (request, command.record)  # type: ignore[union-attr]
            elif isinstance(command, Recall):
                saved = self.jobs.get(command.job, (None, None))
                self._take(self.dispatcher.handle(Recalled(command, *saved), self.now))
            elif isinstance(command, SaveStore):
                self.stores[command.store] = (command.name, command.digest)
            elif isinstance(command, ForgetStore):
                del self.stores[command.store]
            elif isinstance(command, FreeChunk):
                key = (command.job, command.stream, command.index)
                self.spool.discard(key)
                self.chunks[key] = (self.chunks[key][0], None, self.chunks[key][2])
            elif isinstance(command, SaveFilter):
                self.filters[command.name] = command.schema
            elif isinstance(command, ForgetFilter):
                del self.filters[command.name]
            elif isinstance(command, SpoolStage):
                self._spool_stage(command, payload[0])
            elif isinstance(command, Check):
                self._take(self.dispatcher.handle(self._checked(command), self.now))
            elif isinstance(command, FreeStage):
                self.stages.remove((command.job, command.track, command.index))
            elif isinstance(command, SendStage):
                assert (command.job, command.track, command.index) in self.stages
            elif isinstance(command, FreeJob):
                self.stages = {key for key in self.stages if key[0] != command.job}
                self.spool = {key for key in self.spool if key[0] != command.job}
                self.chunks = {key: value for key, value in self.chunks.items() if key[0] != command.job}
            elif isinstance(command, SendChunk):
                assert (command.job, command.stream, command.index) in self.spool

    def _checked(self, check: Check) -> FoundWhole | FoundDamaged:
        if (check.job, check.track if check.is_stage else check.stream, check.index) not in self.damaged:
            return FoundWhole(check)
        return FoundDamaged(check)

    def _spool_stage(self, command: SpoolStage, size: int) -> None:
        if self.disk_is_full:
            self._take(self.dispatcher.handle(StageNotKept(command, "the disk is full"), self.now))
        else:
            self.stages.add((command.job, command.track, command.index))
            self._take(self.dispatcher.handle(StageKept(command, size), self.now))

    def restarted(self, epoch: int) -> Script:
        """A new middleware over what the old one's ledger has."""
        new = Script(epoch=epoch, rules=self.dispatcher.cluster.rules)
        new.now, new.jobs, new.chunks, new.spool = self.now, dict(self.jobs), dict(self.chunks), set(self.spool)
        new.filters = dict(self.filters)
        new.stores = dict(self.stores)
        new.dispatcher.restore(
            [(job, *saved) for job, saved in self.jobs.items()],
            [(*key, *value) for key, value in self.chunks.items()],
            self.filters.items(),
            [(store, *rest) for store, rest in self.stores.items()],
        )
        new.dispatcher.validate()
        return new

    def ended(self, job: str) -> tuple[str, str, str]:
        """Return the state, the code and the reason that the ledger has of a job that is over."""
        record = self.jobs[job][1]
        return record.state, record.code, record.reason

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────

    def said(self, peer: int, kind: type[M]) -> list[M]:
        sent = [
            one.message for one in self.commands if isinstance(one, Send | SendChunk | SendStage) and one.peer == peer
        ]
        return [message for message in sent if isinstance(message, kind)]

    def events(self, peer: int) -> list[EventRecord]:
        """What a peer was told that happened, newest last. Time passes in which what is new is told."""
        self.tick(0.2)
        return [event for message in self.said(peer, Events) for event in message.events]

    def tasks(self, peer: int) -> list[int]:
        return [task.index for task in self.said(peer, Task)]

    def closed(self, peer: int) -> list[str]:
        return [one.code for one in self.commands if isinstance(one, Close) and one.peer == peer]

    def job(self, peer: int) -> Job:
        return self.said(peer, Job)[-1]

    # ── scenes ───────────────────────────────────────────────────────────────────────────────────────────────────

    def aggregator(
        self, peer: int = 9, store: str = "store", name: str = "agg", host: str = "127.0.0.1", token: str = ""
    ) -> None:
        details = AggregatorDetails(store, [Address("", 5001)]).to_wire()
        hello = Hello("aggregator", name, f"a{peer}", [3], details=details, token=token or f"token of {store}")
        self.tell(peer, hello, host=host)

    def worker(
        self,
        peer: int,
        name: str = "",
        *,
        filters: tuple[str, ...] = ("blur",),
        held: tuple[HeldLease, ...] = (),
        death: Death | None = None,
        fingerprint: str = "f",
        session: str = "",
        token: str = "",
        draining: bool = False,
        asks: Mapping[str, str] | None = None,
        labels: tuple[str, ...] = (),
        lacks: dict[str, str] | None = None,
    ) -> None:
        """A worker joins; with the session of another connection it is the same process. `asks` has the labels that
        its filters ask for."""
        asked = asks or {}
        offered = [{"name": one} | ({"label": asked[one]} if one in asked else {}) for one in filters]
        told = list(labels)
        details = WorkerDetails(
            offered, ["video"], 1, fingerprint, list(held), death, draining=draining, labels=told, lacks=lacks or {}
        )
        name = name or f"w{peer}"
        token = token or f"token of {name}"
        self.tell(peer, Hello("worker", name, session or f"s{peer}", [3], details=details.to_wire(), token=token))

    def client(self, peer: int = 1, session: str = "", user: str = "") -> None:
        self.tell(peer, Hello("client", "someone", session or f"c{peer}", [3], user=user))

    def submit(
        self,
        peer: int = 1,
        *,
        chunks: int = 4,
        filters: tuple[str, ...] = ("blur",),
        streams: int = 1,
        priority: int = 0,
        key: str = "k",
        on_error: str = "original",
        end: bool = True,
        fingerprint: str = "f",
        new: bool = False,
        stages: bool = False,
    ) -> str:
        """A client submits a job and sends all of it, 10 frames a chunk. Returns the job's id."""
        submission = self.submission(filters, streams, priority, key, on_error, fingerprint, new=new)
        submission.source["process"] |= {"stages": True} if stages else {}
        self.tell(peer, submission)
        job = self.job(peer).job
        if any(own.job == job for own in self.said(9, Own)):
            self.hold(job)
        for stream in range(streams):
            for index in range(chunks):
                self.chunk(peer, job, index, stream)
        if end:
            self.tell(peer, End(job, [chunks] * streams))
        self.tick()
        return job

    @staticmethod
    def submission(
        filters: tuple[str, ...] = ("blur",),
        streams: int = 1,
        priority: int = 0,
        key: str = "k",
        on_error: str = "original",
        fingerprint: str = "f",
        *,
        new: bool = False,
    ) -> Submit:
        source = {"kind": "video", "name": "clip", "stream_count": streams, "process": {"codec": "h264"}}
        source["fingerprint"] = fingerprint
        output = {"name": "out", "chain": [{"name": one, "parameters": {}} for one in filters]}
        return Submit(key, source, [output], Policy(on_error), priority, new, "here:/clip")

    def chunk(self, peer: int, job: str, index: int, stream: int = 0) -> None:
        self.tell(peer, Chunk(job, stream, index, 10), size=1000, xxh3=index + 1)

    def hold(self, job: str, *tracks: bytes, peer: int = 9) -> None:
        own = [own for own in self.said(peer, Own) if own.job == job][-1]
        count = len(own.outputs) + own.source["stream_count"] - 1
        self.tell(peer, Holdings(job, own.owner_epoch, list(tracks) or [b""] * count))

    def deliver(self, peer: int, index: int | None = None, aggregator: int = 9) -> None:
        """A worker's newest task (or that of `index`) is done: the aggregator has it, and the worker is released."""
        tasks = self.said(peer, Task)
        task = tasks[-1] if index is None else next(one for one in reversed(tasks) if one.index == index)
        stored = Stored(task.job, task.track, task.index, "kept", task.lease, f"w{peer}", 10)
        self.tell(aggregator, stored)
        self.tell(peer, Released(task.lease, "stored"))
        self.tick()

    def hand_on(self, peer: int, index: int | None = None, *, size: int = 1000) -> None:
        """A worker's newest task (or that of `index`) is a stage, and done: the middleware gets what came of it."""
        tasks = self.said(peer, Task)
        task = tasks[-1] if index is None else next(one for one in reversed(tasks) if one.index == index)
        self.tell(peer, HandOn(task.lease, task.job, task.track, task.index, task.tag), size=size)
        verdict = self.said(peer, Stored)[-1]
        self.tell(peer, Released(task.lease, "stored" if verdict.verdict == "kept" else verdict.verdict))
        self.tick()

    def pass_all(self, peer: int = 9) -> None:
        for message in self.said(peer, Pass):
            self.tell(peer, Stored(message.job, message.track, message.index, "kept"))
        self.tick()

    def finish(self, peer: int = 9, state: str = "done") -> None:
        finish = self.said(peer, Finish)[-1]
        outputs, files = [OutputSummary("out", JobState.DONE, digest="d")], [FinishedFile("out.mp4", 1, "00")]
        self.tell(peer, Finished(finish.job, finish.owner_epoch, state, "", outputs, files))
        self.tick()


def counted(script: Script) -> tuple[int, int, list[int]]:
    """Retries, losses and seconds of latency, as the aggregator is told of the first track."""
    told = script.said(9, Finish)[-1].statistics
    latencies = array("f", told.latencies_ms[0])
    if sys.byteorder == "big":
        latencies.byteswap()
    return told.retries[0], told.losses[0], [round(one / 1000) for one in latencies]


def fail(script: Script, peer: int) -> None:
    lease = script.said(peer, Task)[-1].lease
    script.tell(peer, Released(lease, "failed", Cause(text="boom")))
    script.tick()
