"""Random sequences of well-formed messages of a hostile middleware and a hostile aggregator: a client's session and
what it shows to a person raise nothing."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Final

import pytest

from moviola.base.finished_file import FinishedFile
from moviola.media.material import Chunk
from moviola.session.destination import Place
from moviola.session.events import (
    Arriving,
    Begin,
    Begun,
    ClusterMessage,
    Dial,
    Event,
    Exhausted,
    Give,
    HangUp,
    Keep,
    Kept,
    Lost,
    Pull,
    Pulled,
    Rewind,
    Send,
    ServerRole,
    Start,
    Tick,
    Wanted,
    Welcomed,
)
from moviola.session.follow import FollowSession
from moviola.session.job_session import JobSession, Phase
from moviola.session.reading import Reading
from moviola.session.run import FollowRequest, Run
from moviola.session.submit import SubmitSession
from moviola.session.target import hello
from moviola.wire.errors import ProtocolError
from moviola.wire.messages import MESSAGES, Error, Job
from tests.fuzz.play import play
from tests.fuzz.vocabulary import Vocabulary
from tests.simulation import material

STEPS: Final = 80
SAYS: Final = {
    ServerRole.MIDDLEWARE: (*["Job"] * 30, "Event", "Error", "Aggregator", "Worker"),
    ServerRole.AGGREGATOR: (*["File"] * 10, "Error"),
}


class World:
    """One submission, or somebody who follows one; whom it dials answers anything."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.words = Vocabulary(random)
        for name, values in {
            "state": ("pending", "running", "done", "partial", "failed"), "job": ("j1",), "accepted": (0, 1, 2),
            "send_window_bytes": (0, 1000, 10**9), "have": ([b""], [b"\x01"], [b"", b""]),
            "size": (10,), "file": ("out.mp4",),
            "progress": ({"chunks_total": 2, "frames_done": 1, "frames_total": None, "frames_sent": 2},),
            "outputs": ([{"name": "out", "file": "out.mp4", "frames_in": 3, "failures": [], "warnings": []}],),
        }.items():  # fmt: skip
            for value in values:
                self.words.remember(name, value)
        self.session = self._made()
        self.story: list[str] = []
        self.now = 100.0
        self.dialled: set[ServerRole] = set()
        self.open: set[ServerRole] = set()
        self.pulled = 0
        self.is_pulling = False

    def _made(self) -> JobSession:
        if self.random.random() < 0.3:
            return FollowSession("j1", "here", fetch=self.random.random() < 0.7)
        made = material.submission("clip", 2, 1, [["blur"]], "original")
        return SubmitSession(made, "here", detach=self.random.random() < 0.2)

    def play(self) -> None:
        self._feed(Start())
        for _ in range(STEPS):
            if self.session.phase is Phase.OVER:
                break
            self._step()
        self._show()

    def _step(self) -> None:
        random = self.random
        roll = random.random()
        if roll < 0.3 and self.dialled:
            peer = random.choice(sorted(self.dialled, key=str))
            self.dialled.discard(peer)
            if random.random() < 0.95:
                self.open.add(peer)
                self._feed(Welcomed(peer))
            else:
                self._feed(Lost(peer, "refused"))
        elif roll < 0.33 and self.open:
            peer = random.choice(sorted(self.open, key=str))
            self.open.discard(peer)
            self._feed(Lost(peer, "gone", random.choice(("", "full"))))
        elif roll < 0.4:
            self.now += random.choice((0.1, 1.0, 5.0, 40.0))
            self._feed(Tick())
        elif roll < 0.5 and self.is_pulling:
            self.is_pulling = False
            self.pulled += 1
            self._feed(Exhausted() if self.pulled > 2 else Pulled(Chunk(0, self.pulled - 1, 1, b"chunk")))
        elif self.open:
            peer = random.choice(sorted(self.open, key=str))
            header = self.words.message(SAYS[peer], random.choice((0.0, 0.05, 0.3)))
            try:
                message = MESSAGES[header["type"]].from_wire(header)
            except ProtocolError:
                return
            self._feed(ClusterMessage(peer, message, random.randbytes(random.choice((0, 1, 10)))))
            if isinstance(message, Job):
                self._show()

    def _feed(self, event: Event) -> None:
        self.story.append(f"{self.now:9.2f} {event!r:.2000}")
        waiting = [event]
        while waiting:
            for command in self.session.handle(waiting.pop(0), self.now):
                match command:
                    case Dial(peer=peer):
                        self.dialled.add(peer)
                    case HangUp(peer=peer):
                        self.dialled.discard(peer)
                        self.open.discard(peer)
                    case Pull():
                        self.is_pulling = True
                    case Rewind():
                        self.is_pulling, self.pulled = False, 0
                    case Begin(size=size):
                        waiting.append(Begun(command, self.random.choice((0, min(size, 3)))))
                    case Keep():
                        waiting.append(Kept(command, self._listed()))
                    case Send(message=message):
                        MESSAGES[type(message).__name__].from_wire(message.to_wire())
            self.session.validate()

    def _listed(self) -> tuple[FinishedFile, ...]:
        return () if self.random.random() < 0.7 else (FinishedFile("folder/a", 1, "0"),)

    def _show(self) -> None:
        """What a person sees of it."""
        run = Run.__new__(Run)
        run.session, run._files = self.session, None
        run._hello = hello("somebody")
        run._request = FollowRequest("j1", "clip", Place(Path()), fetch=True)
        run._place = Place(Path())
        run.view()
        if self.session.ending is not None:
            run.outcome()


class ReadingWorld:
    """Somebody who reads results while a job goes on; whom it dials answers anything."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.words = Vocabulary(random)
        for name, values in {
            "state": ("running", "running", "done", "failed", *["stored"] * 6, "awaited", "beyond", "spliced"),
            "job": ("j1",), "track": (0,), "index": (0, 1, 2), "chunk_count": (None, 3),
        }.items():  # fmt: skip
            for value in values:
                self.words.remember(name, value)
        self.brain = Reading("j1", 0, "here")
        self.story: list[str] = []
        self.now = 100.0
        self.dialled: set[ServerRole] = set()
        self.open: set[ServerRole] = set()
        self.given = 0

    def play(self) -> None:
        self._feed(Start())
        for _ in range(STEPS):
            self._step()

    def _step(self) -> None:
        random = self.random
        roll = random.random()
        if roll < 0.3 and self.dialled:
            peer = random.choice(sorted(self.dialled, key=str))
            self.dialled.discard(peer)
            if random.random() < 0.9:
                self.open.add(peer)
                self._feed(Welcomed(peer))
            else:
                self._feed(Lost(peer, "refused"))
        elif roll < 0.35 and self.open:
            peer = random.choice(sorted(self.open, key=str))
            self.open.discard(peer)
            self._feed(Lost(peer, "gone", random.choice(("", "idle"))))
        elif roll < 0.42:
            self.now += random.choice((0.1, 1.0, 5.0, 70.0))
            self._feed(Tick())
        elif roll < 0.55:
            self._feed(random.choice((Wanted(), Wanted(), Arriving(ServerRole.AGGREGATOR))))
        elif self.open:
            peer = random.choice(sorted(self.open, key=str))
            says = (
                ("Job", "Job", "Error") if peer is ServerRole.MIDDLEWARE else (*["FetchedResult"] * 9, "Error", "File")
            )
            header = self.words.message(says, random.choice((0.0, 0.05, 0.3)))
            try:
                message = MESSAGES[header["type"]].from_wire(header)
            except ProtocolError:
                return
            if not isinstance(message, Error):
                self._feed(ClusterMessage(peer, message, random.randbytes(random.choice((0, 1, 10)))))
            elif random.random() < 0.2:
                self._feed(ClusterMessage(peer, message))

    def _feed(self, event: Event) -> None:
        self.story.append(f"{self.now:9.2f} {event!r:.2000}")
        for command in self.brain.handle(event, self.now):
            match command:
                case Dial(peer=peer):
                    assert peer not in self.dialled | self.open, f"{peer} is dialled twice"
                    self.dialled.add(peer)
                case HangUp(peer=peer):
                    self.dialled.discard(peer)
                    self.open.discard(peer)
                case Send(peer=peer, message=message):
                    assert peer in self.open, f"{type(message).__name__} is sent to nobody"
                    MESSAGES[type(message).__name__].from_wire(message.to_wire())
                case Give(index=index):
                    assert index == self.given
                    self.given += 1
        self.brain.validate()


@pytest.mark.parametrize("batch", range(4))
def test_a_reading_takes_any_sequence_of_messages(batch: int, worlds: int) -> None:
    play(ReadingWorld, range(batch * worlds, (batch + 1) * worlds))


@pytest.mark.parametrize("batch", range(4))
def test_a_clients_session_takes_any_sequence_of_messages(batch: int, worlds: int) -> None:
    play(World, range(batch * worlds, (batch + 1) * worlds))
