"""Clients whose source still comes while they send it, as a gateway sends an upload on: the job has a key of its own,
and its End tells what the source was. Some of what comes is broken off, and comes anew."""

from __future__ import annotations

from random import Random
from typing import Any, Final

from moviola.base.vocabulary import Notice, Verb
from moviola.media.errors import UnreadableSource
from moviola.media.material import Chunk, Source
from moviola.session.destination import Place
from moviola.session.run import Run, UploadRequest
from moviola.wire.events import Received
from moviola.wire.messages import VERSIONS, Control, Event, Hello, Welcome
from tests.simulation import material
from tests.simulation.clients import Client
from tests.simulation.network import SimLoop
from tests.simulation.program import MIDDLEWARE

WHOLE_CHANCE: Final = 0.5
"""Of what a client sends that was killed before: the whole file is here by then, and may continue its job."""

BREAKS_OFF: Final = (0, 0, 1, 2)
"""How often the source of a client never comes to its end; it then comes once more."""

FORGETS_S: Final = 0.5
"""How long a client waits for the cluster to forget a job that was broken off."""

COMES_AGAIN_S: Final = 1.0
"""… and until its source comes once more."""


class FrontFirst:
    """Reads a source as `moviola.session.arriving` does: chunks of its beginning, and once it is whole, all of them.

    Args:
        begun: what the beginning tells.
        whole: reads the source when it is whole.
        front_count: chunks that its beginning settles; of its first stream only.
        is_broken_off: it never comes to its end.
    """

    def __init__(self, begun: Source, whole: material.Reader, front_count: int, *, is_broken_off: bool) -> None:
        self.source, self._whole, self._front_count = begun, whole, front_count
        self._position = 0
        self._is_whole = False
        self._is_broken_off = is_broken_off
        self.has_failed = False

    def next_chunk(self) -> Chunk | None:
        """Return the next chunk; None after the last. Raise UnreadableSource where there will be no more."""
        if self._is_whole:
            return self._whole.next_chunk()
        if self._position < self._front_count:
            index, self._position = self._position, self._position + 1
            return Chunk(0, index, material.FRAMES_PER_CHUNK, material.chunk_text(self.source.name, 0, index))
        if self._is_broken_off:
            self.has_failed = True
            raise UnreadableSource(self.source.name, "it broke off", "send it again")
        self._is_whole, self.source = True, self._whole.source
        return self._whole.next_chunk()

    def rewind(self) -> None:
        """Begin with the first chunk again."""
        self._position = 0
        self._whole.rewind()


class StreamedClient(Client):
    """Streams its source. One that was killed may send all of it under the key of the whole instead.

    `forgotten` are jobs that were broken off, and of which the cluster has said that it knows them no more;
    `broken_off` are all that were.
    """

    def __init__(self, *more: Any) -> None:
        super().__init__(*more)
        self._random = Random(f"{self.name} of {self.world.seed}")
        self._breaks_left = self._random.choice(BREAKS_OFF)
        self._reader: FrontFirst | None = None
        self.broken_off: set[str] = set()
        self.forgotten: set[str] = set()

    def _request(self) -> UploadRequest:
        self._reader = None
        if self.lives > 1 and self._random.random() < WHOLE_CHANCE:
            return super()._request()
        begun = material.begun(self.submission, self._random.randbytes(16).hex())
        self.keys.append(begun.key)
        is_broken_off = self._breaks_left > 0
        self._breaks_left -= is_broken_off
        front_count = self._random.randint(1, self.chunk_count)
        whole = material.Reader(self.submission.source, self.chunk_count)
        self._reader = FrontFirst(begun.source, whole, front_count, is_broken_off=is_broken_off)
        return UploadRequest(begun, self._reader, Place(self.folder))

    def interrupt(self, seconds: float) -> None:
        """Its connections are lost, and it does nothing for a while: what it has begun is known to it alone."""
        if self._reader is None:
            return super().interrupt(seconds)
        for link in list(self.network.links):
            if any(end.loop is self.loop for end in link.ends):
                self.network.tear(link)
        return self.stop(seconds)

    def _ended(self, run: Run) -> None:
        if self._reader is None or not self._reader.has_failed:
            return super()._ended(run)
        record = run.session.record
        assert record is not None, "nothing is read before there is a job"
        self.world.see("broken-off", f"what {self.name} sends is broken off; job {record.job} is to be forgotten")
        self.kill()
        self._forget(record.job)
        return self.world.later(COMES_AGAIN_S, self._come_again)

    def _come_again(self) -> None:
        if not self.is_alive and self.outcome is None:
            self.start()

    def _forget(self, job: str) -> None:
        """End a job and have it forgotten, over a connection of its own, if there is one in time."""
        self.broken_off.add(job)
        loop = SimLoop("gateway", self.network, lambda: self.world.later(0.0, hear))
        link = loop.dial([MIDDLEWARE], Hello("client", "gateway", "session", list(VERSIONS), user=self.user))

        def hear() -> None:
            for event in loop.turn():
                match event:
                    case Received(message=Welcome()):
                        for verb in (Verb.CANCEL, Verb.FORGET):
                            loop.send(link, Control(job, verb))
                        loop.flush()
                    case Received(message=Event(kind=Notice.WISH_GRANTED, text=text)) if "is forgotten" in text:
                        self.world.see("forgotten", f"{self.name} is told: {text}")
                        self.forgotten.add(job)

        self.world.later(FORGETS_S, loop.shut)
