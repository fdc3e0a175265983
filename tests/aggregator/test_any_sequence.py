"""Random sequences of well-formed messages to the assembler, of all roles: it raises nothing, and validates."""

from __future__ import annotations

from random import Random
from typing import Any, Final

import pytest

from aggregator.assembler import Assembler
from aggregator.events import (
    MIDDLEWARE,
    CancelSplice,
    CheckResult,
    ChunksDamaged,
    Close,
    Dial,
    Event,
    Keep,
    Kept,
    Left,
    NotKept,
    PeerMessage,
    Recall,
    Recalled,
    ResultChecked,
    SaveJob,
    Send,
    Splice,
    SpliceCrashed,
    Spliced,
    SpliceFailed,
    Tick,
)
from aggregator.jobs import FixedPart, JobRecord
from moviola.base.finished_file import FinishedFile
from moviola.base.output_summary import OutputSummary
from moviola.base.vocabulary import JobState
from moviola.wire.errors import ProtocolError
from moviola.wire.lease_tags import KEY_SIZE, tag_of
from moviola.wire.messages import MESSAGES, Result
from tests.fuzz.play import play
from tests.fuzz.vocabulary import Vocabulary

STEPS: Final = 150
SAYS: Final[dict[str, tuple[str, ...]]] = {
    "middleware": ("Own", "Own", "Own", "Pass", "Finish", "Finish", "Drop", "FailedChunk", "Error"),
    "worker": ("Result",),
    "client": ("Fetch", *["FetchResult"] * 3),
}
KEY: Final = b"k" * KEY_SIZE
JOBS: Final = ("job-1", "job-2", "job-3")


class World:
    """One aggregator, a middleware, workers and clients that say anything."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.words = Vocabulary(self.random)
        for name, values in {"job": JOBS, "owner_epoch": (1, 1, 2, 3), "name": ("a", "clip")}.items():
            for value in values:
                self.words.remember(name, value)
        self.brain = Assembler(epoch=1, max_splices=self.random.choice((1, 2)))
        self.peers: dict[int, str] = {}
        self.tokens: dict[int, str] = {}
        self.story: list[str] = []
        self.now = 100.0
        self._splicing: set[str] = set()
        self._saved: dict[str, tuple[FixedPart, JobRecord]] = {}  # by job: fixed and record
        self._is_dialled = self._is_joined = False
        self._numbers = 0

    def play(self) -> None:
        self._feed(Tick())
        for _ in range(STEPS):
            self._step()

    def _step(self) -> None:
        random = self.random
        roll = random.random()
        if self._is_dialled and not self._is_joined:
            if roll < 0.2:
                self._lose_middleware()
            else:
                self._is_joined = True
                self._say(MIDDLEWARE, {"type": "Welcome", **self.words.record(MESSAGES["Welcome"], 0.1)})
        elif roll < 0.1:
            self._numbers += 1
            hello = self.words.message(("Hello",), 0.1)
            hello["role"] = random.choice(("worker", "worker", "client", "aggregator"))
            hello["name"], hello["token"] = random.choice(("a", "b")), random.choice(("", "t1", "t2"))
            self.peers[self._numbers], self.tokens[self._numbers] = str(hello.get("role")), str(hello.get("token"))
            self._say(self._numbers, hello)
        elif roll < 0.13 and self.peers:
            peer = random.choice(list(self.peers))
            del self.peers[peer]
            self._feed(Left(peer, "gone"))
        elif roll < 0.15:
            self._lose_middleware()
        elif roll < 0.25:
            self.now += random.choice((0.1, 1.0, 20.0, 4000.0))
            self._feed(Tick())
        elif roll < 0.4 and self._splicing:
            job = random.choice(sorted(self._splicing))
            self._splicing.discard(job)
            self._feed(self._ending(job))
        elif roll < 0.5 and self._is_joined:
            self._collect(random.choice(JOBS), random.choice((1, 1, 2)))
        elif roll < 0.7 and self._is_joined:
            self._say(MIDDLEWARE, self.words.message(SAYS["middleware"], random.choice((0.0, 0.05, 0.3))))
        elif self.peers:
            peer = random.choice(list(self.peers))
            kinds = SAYS.get(self.peers[peer], ("Beat",))
            self._say(peer, self.words.message(kinds, random.choice((0.0, 0.05, 0.3))))

    def _collect(self, job: str, epoch: int) -> None:
        """A part of what an honest cluster would say of a job."""
        source, outputs = {"kind": "video", "stream_count": 2, "process": {}}, [{"name": "out", "chain": []}]
        said: list[tuple[str, dict[str, Any]]] = [
            ("Own", {"name": "clip", "source": source, "outputs": outputs, "lease_key": KEY}),
            *[("Result", {"index": index, "build": "f", "mode": "filter", "stage": []}) for index in range(2)],
            ("Pass", {"track": 1, "index": 0}),
            ("Finish", {"chunk_counts": [2, 1]}),
        ]
        workers = [peer for peer, role in self.peers.items() if role == "worker"]
        for kind, rest in said:
            if self.random.random() < 0.9 and (workers or kind != "Result"):
                peer = self.random.choice(workers) if kind == "Result" else MIDDLEWARE
                basis = {"track": 0, "lease": [1, 1], "frames_in": 1, "frames_out": 1}
                header = {"type": kind, **basis, "job": job, "owner_epoch": epoch, **rest}
                if kind == "Result":
                    header["tag"] = b""
                    lent = Result.from_wire(header)
                    header["tag"] = tag_of(lent, KEY, self.tokens[peer])
                self._say(peer, header)

    def _lose_middleware(self) -> None:
        if self._is_dialled:
            self._is_dialled = self._is_joined = False
            self._feed(Left(MIDDLEWARE, "gone", self.random.choice(("", "silent", "superseded", "name-taken"))))

    def _ending(self, job: str) -> Event:
        track = self.brain._memory.jobs[job].tracks[0]
        index = next(iter(track.held), None)
        outputs = [OutputSummary("out", JobState.DONE)]
        files: list[FinishedFile] = [FinishedFile("out.mp4", 1, "00")]
        endings: list[Event] = [Spliced(job, outputs, files), SpliceFailed(job, "bad"), SpliceCrashed(job, "died")]
        if index is not None:
            endings.append(ChunksDamaged(job, ((0, index),), "damaged"))
        return self.random.choice(endings)

    def _say(self, peer: int, header: dict[str, Any]) -> None:
        try:
            message = MESSAGES[header["type"]].from_wire(header)
        except ProtocolError:
            return
        self._feed(PeerMessage(peer, message, 100, self.random.choice((1, 2))))

    def _feed(self, event: Event) -> None:
        self.story.append(f"{self.now:9.2f} {event!r:.2000}")
        for command in self.brain.handle(event, self.now):
            match command:
                case Keep():
                    is_kept = self.random.random() < 0.9
                    self._feed(Kept(command) if is_kept else NotKept(command, "the disk is full"))
                case SaveJob(job, record, fixed):
                    self._saved[job] = (self._saved[job][0] if fixed is None else fixed, record)
                case Recall(job=job):
                    self._feed(Recalled(command, *self._saved[job]))
                case CheckResult():
                    self._feed(ResultChecked(command, self.random.random() < 0.5))
                case Splice(job=job):
                    self._splicing.add(job)
                case CancelSplice(job=job):
                    self._splicing.discard(job)
                case Dial():
                    self._is_dialled = True
                case Close(peer=peer):
                    self.peers.pop(peer, None)
                    if peer == MIDDLEWARE:
                        self._is_dialled = self._is_joined = False
                case Send(message=message):
                    MESSAGES[type(message).__name__].from_wire(message.to_wire())
                    self.words.learn(message)
        self.brain.validate()


@pytest.mark.parametrize("batch", range(4))
def test_the_assembler_takes_any_sequence_of_messages(batch: int, worlds: int) -> None:
    play(World, range(batch * worlds, (batch + 1) * worlds))
