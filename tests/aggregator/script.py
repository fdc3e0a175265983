"""A script for the assembler: events in, the commands that matter out; after every step it validates itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aggregator.assembler import Assembler
from aggregator.events import (
    MIDDLEWARE,
    Command,
    Event,
    Keep,
    Kept,
    Log,
    NotKept,
    PeerMessage,
    Recall,
    Recalled,
    SaveJob,
    Send,
    Spliced,
    Tick,
)
from aggregator.jobs import FixedPart, JobRecord
from moviola.base.finished_file import FinishedFile
from moviola.base.job_statistics import JobStatistics
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import JobState
from moviola.wire.lease_tags import tag_of
from moviola.wire.messages import (
    Drop,
    Finish,
    Hello,
    Holdings,
    Limits,
    Message,
    Own,
    Pass,
    Result,
    Stored,
    Welcome,
)
from moviola.wire.schema import Lease

WORKER = 7
OTHER = 8
CLIENT = 9
KEY = b"k" * 32
MACHINE = "x86_64-avx2"
SOURCE: dict[str, Any] = {"kind": "video", "stream_count": 2}
OUTPUTS: list[dict[str, Any]] = [{"name": "blur"}]
CLEAN = OutputSummary("blur", JobState.DONE)
FILES: list[FinishedFile] = [FinishedFile("blur.mp4", 20_000_000, "00")]


class Script:
    """An assembler in the middle of its life: joined, with two workers and a client."""

    def __init__(self, *, joined: bool = True, max_splices: int = 1) -> None:
        self.brain = Assembler(epoch=3, max_splices=max_splices)
        self.now = 100.0
        self.room = True
        self.records: dict[str, JobRecord] = {}
        self.fixed: dict[str, FixedPart] = {}
        self.logged: list[str] = []
        self.feed(Tick())
        if joined:
            self.hear(MIDDLEWARE, Welcome(version=3, epoch=1, limits=Limits(beat_interval_s=0.5)))
        for peer, role in ((WORKER, "worker"), (OTHER, "worker"), (CLIENT, "client")):
            self.hear(peer, Hello(role, f"{role} {peer}", f"session {peer}", [3], token=f"token {peer}"))

    def feed(self, event: Event) -> list[Command]:
        """What an event leads to, but for logs and records, which are noted here. Keeps are carried out, and what is
        recalled is what was saved."""
        out: list[Command] = []
        for command in self.brain.handle(event, self.now):
            if isinstance(command, Log):
                self.logged.append(command.text)
            elif isinstance(command, SaveJob):
                self.records[command.job] = command.record
                self.fixed[command.job] = command.fixed or self.fixed[command.job]
            elif isinstance(command, Recall):
                out += self.feed(self.recalled(command))
            else:
                out.append(command)
            if isinstance(command, Keep):
                out += self.feed(Kept(command) if self.room else NotKept(command, "the disk is full"))
        self.brain.validate()
        return out

    def recalled(self, recall: Recall) -> Recalled:
        """What the ledger has of a job that is over."""
        return Recalled(recall, self.fixed[recall.job], self.records[recall.job])

    def hear(self, peer: int, message: Message, size: int = 0, xxh3: int = 0) -> list[Command]:
        return self.feed(PeerMessage(peer, message, size, xxh3))

    def tick(self, after_s: float = 0.0) -> list[Command]:
        self.now += after_s
        return self.feed(Tick())

    # ── what peers say ───────────────────────────────────────────────────────────────────────────────────────────

    def own(self, job: str = "j", epoch: int = 1, **changes: Any) -> list[Command]:
        values = {"name": "clip.mp4", "source": SOURCE, "outputs": OUTPUTS, "lease_key": KEY, **changes}
        return self.hear(MIDDLEWARE, Own(job=job, owner_epoch=epoch, **values))

    def result(
        self, index: int, *, job: str = "j", worker: int = WORKER, epoch: int = 1, track: int = 0,
        machine: str = MACHINE, content: int = 11, size: int = 100, forged: dict[str, Any] | None = None,
    ) -> list[Command]:  # fmt: skip
        """A worker shows a result with the tag that belongs to it; what is `forged` is changed after that."""
        message = Result(Lease(1, index), job, track, index, epoch, machine, 64, 64, content=content)
        message = replace(message, tag=tag_of(message, KEY, f"token {worker}"))
        return self.hear(worker, replace(message, **forged or {}), size, 7)

    def passed(self, index: int, *, job: str = "j", epoch: int = 1, track: int = 1, xxh3: int = 5) -> list[Command]:
        return self.hear(MIDDLEWARE, Pass(job, track, index, epoch), 50, xxh3)

    def finish(self, *counts: int, job: str = "j", epoch: int = 1) -> list[Command]:
        return self.hear(MIDDLEWARE, Finish(job, epoch, list(counts), JobStatistics(retries=[0, 0])))

    def drop(self, job: str = "j", epoch: int = 1) -> list[Command]:
        return self.hear(MIDDLEWARE, Drop(job, epoch))

    def collected(self, job: str = "j") -> None:
        """Owned, with two results and one chunk of sound."""
        self.own(job)
        self.result(0, job=job)
        self.result(1, job=job)
        self.passed(0, job=job)

    def ended(self, job: str = "j") -> list[Command]:
        """A job that has its files."""
        self.collected(job)
        self.finish(2, 1, job=job)
        return self.feed(Spliced(job, [CLEAN], FILES))


def holdings(owner_epoch: int, tracks: list[bytes]) -> Holdings:
    """The first track is that of the output."""
    return Holdings("j", owner_epoch, tracks, [MACHINE if tracks[0] else "", *("" for _ in tracks[1:])])


def said(commands: list[Command], peer: int) -> list[Message]:
    return [one.message for one in commands if isinstance(one, Send) and one.peer == peer]


def verdicts(commands: list[Command], peer: int) -> list[str]:
    return [one.verdict for one in said(commands, peer) if isinstance(one, Stored)]


def kinds(commands: list[Command]) -> list[type[Command]]:
    return [type(one) for one in commands]
