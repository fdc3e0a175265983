"""Readers of a simulated cluster: the real reading of a track while its job goes on, and what it has given."""

from __future__ import annotations

from typing import Final

from moviola.session.events import Start, Wanted
from moviola.session.reading import Ending, Reading
from moviola.session.stored_results import ResultReader
from moviola.session.target import Target
from tests.simulation import material
from tests.simulation.clients import Client
from tests.simulation.network import Network
from tests.simulation.program import MIDDLEWARE, Program
from tests.simulation.world import World

LOOK_S: Final = 0.05
"""Between two looks whether the client has a job."""


class ResultsReader(Program):
    """Reads a track of a client's job from its first result on, no faster than one every so many seconds. Where the job
    is ended by somebody, and wanted again, it begins again with the next one."""

    def __init__(self, name: str, world: World, network: Network, client: Client, track: int, pace_s: float) -> None:
        super().__init__(name, world, network)
        self.client, self.track, self._pace_s = client, track, pace_s
        self.job = ""  # that is read, or was read last
        self.given: list[bytes] = []
        self._reader: ResultReader | None = None
        self._next_at = 0.0

    @property
    def ending(self) -> Ending | None:
        """How the reading ended; None while it goes on, or nothing is read."""
        ended = self._reader.brain.ended if self._reader is not None else None
        return None if ended is None else ended.ending

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be read: the client has an outcome, and what is read of its job has ended. One that
        was killed, and back before that was noticed, has another job in the end, and nobody ends the first."""
        outcome = self.client.outcome
        is_waiting = self._reader is not None and self.ending is None
        return outcome is not None and not (is_waiting and self.job == outcome.job_id)

    def _begin(self) -> None:
        self._next_at = self.world.now

    def _turn(self) -> None:
        assert self.loop is not None
        events = self.loop.turn()
        now = self.world.now
        if self._reader is not None and self.ending is None:
            self._reader.turned(events, now)
            self._take(self._reader)
        elif now >= self._next_at and self.client.outcome is None:
            self._look()
        if self._reader is not None and self.ending is None and now >= self._next_at:
            self._next_at = float("inf")
            self._reader.feed(Wanted(), now)
            self._take(self._reader)
        self.loop.flush()

    def _look(self) -> None:
        """Begin to read the client's job, where it has one that is not read yet."""
        assert self.loop is not None
        self._next_at = self.world.now + LOOK_S
        record = self.client.run.session.record if self.client.run is not None else None
        if record is None or (record.job == self.job and self.ending is not Ending.OVER):
            return
        self.job, self.given, self._next_at = record.job, [], self.world.now
        target = Target(MIDDLEWARE, user=self.client.user)
        reading = Reading(self.job, self.track, str(MIDDLEWARE))
        self._reader = ResultReader(self.loop, target, reading)
        self._reader.feed(Start(), self.world.now)

    def _take(self, reader: ResultReader) -> None:
        reader.brain.validate()
        given = reader.take()
        if given is not None:
            assert given.index == len(self.given), f"{self.name} is given {given.index} after {len(self.given)} results"
            self.given.append(bytes(given.payload))
            self._next_at = self.world.now + self._pace_s
            self.world.see("read", f"{self.name} has read result {given.index} of track {self.track} of {self.job}")
        elif self.ending is not None:
            ended = reader.brain.ended
            self.world.see(f"read-{self.ending.value}", f"{self.name} ends after {len(self.given)} results: {ended}")
            self._next_at = self.world.now + LOOK_S

    def _deadline(self) -> float | None:
        deadlines = [self._next_at] if self._next_at < float("inf") else []
        if self._reader is not None and self.ending is None:
            at = self._reader.brain.next_deadline()
            deadlines += [] if at is None else [at]
        elif self.client.outcome is not None:
            return None
        return min(deadlines, default=None)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    def check_all_was_read(self) -> None:
        """Every result of the track was given once, in order; where the job had ended before, the file has the rest."""
        assert self.ending in (Ending.COMPLETE, Ending.OVER), f"{self.name} ends with {self.ending}"
        made, count = self.client.submission, self.client.chunk_count
        if self.ending is Ending.COMPLETE:
            assert len(self.given) == count, f"{self.name} was given {len(self.given)} results of {count}, and an end"
        outputs = made.order.outputs
        if self.track >= len(outputs):
            stream = self.track - len(outputs) + 1
            wanted = [material.chunk_text(made.source.name, stream, index) for index in range(len(self.given))]
        else:
            data = material.folder_bytes(self.client.folder, f"{outputs[self.track].name}.txt")
            wanted = data.split(b"\n")[: len(self.given)]
        assert [_text(one, of) for one, of in zip(self.given, wanted, strict=True)] == wanted, f"{self.name} was misled"


def _text(given: bytes, wanted: bytes) -> bytes:
    """Return the text of a result. One of a liar makes no file: the splice finds that, and it is done again."""
    if given == material.UNREADABLE:
        return wanted
    return given.split(b"\n")[-1]
