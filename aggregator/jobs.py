"""What an aggregator knows of a job: what is stored of each track, and how far the job is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from moviola.base.file_names import check_file_name, check_output_names
from moviola.base.job_statistics import JobStatistics
from moviola.base.mapped import Map, Mapped
from moviola.base.records import record
from moviola.base.vocabulary import JobState
from moviola.wire.bitmap import Bitmap
from moviola.wire.limits import MAX_CHUNKS, MAX_TRACKS
from moviola.wire.messages import Finished, Own
from moviola.wire.transitions import changed

from .states import JOB_TRANSITIONS, JobPhase


@dataclass(slots=True, eq=False)
class CollectedTrack:
    """One output, or one passthrough stream."""

    number: int
    output: str  # its name; "" for a passthrough stream
    held: dict[int, int] = field(default_factory=dict)  # by index, the `content` of what is stored; 0: not known
    fingerprint: str = ""  # of the first stored result
    duplicates: int = 0
    differing: int = 0  # duplicates that should have been equal and were not

    def holds_all(self, count: int) -> bool:
        """Return True when results 0 to `count` - 1 are all here."""
        return len(self.held) >= count and all(index in self.held for index in range(count))

    def compare(self, index: int, content: int, fingerprint: str) -> bool:
        """Counts a duplicate; False when it differs although it was made by an equal worker."""
        self.duplicates += 1
        held = self.held.get(index, 0)  # none once the files are there
        if 0 in (held, content) or held == content or fingerprint != self.fingerprint:
            return True
        self.differing += 1
        return False

    def lose(self, index: int) -> bool:
        """Forgets a stored result; False when there is none."""
        if self.held.pop(index, None) is None:
            return False
        if not self.held:
            self.fingerprint = ""
        return True


class TrackRecord(NamedTuple):
    """One track in the ledger's row of a job: its output's name, and the counts of its CollectedTrack."""

    output: str
    fingerprint: str
    duplicates: int
    differing: int


@record
class FixedPart(Mapped):
    """The ledger's column with facts of a job that never change; once its files are made, nothing more is needed."""

    name: str
    user: str
    owner_epoch: int
    lease_key: bytes


@record
class Submitted(FixedPart):
    """The same column while the job has no files yet: the source and the outputs are needed to make them."""

    source: Map
    outputs: list[Map]


@record
class JobRecord(Mapped):
    """The ledger's column with the state of a job, rewritten as it changes; its fields are those of CollectedJob."""

    state: JobPhase
    crashes: int
    damages: int
    chunk_counts: list[int]
    tracks: list[TrackRecord]
    finished: Finished | None


def print_of(source: Map) -> str:
    """Return the fingerprint of a source as it is described. It is empty while the source is still coming, so it tells
    that description from the one of the whole source."""
    return str(source.get("fingerprint", ""))


class CollectedJob:
    """A job that was given to this aggregator."""

    def __init__(
        self, job: str, owner_epoch: int, name: str, user: str, tracks: list[CollectedTrack], lease_key: bytes
    ) -> None:
        self.id, self.owner_epoch, self.name, self.user, self.tracks = job, owner_epoch, name, user, tracks
        self.lease_key = lease_key  # of its tags, see moviola/wire/lease_tags.py
        self.source_print: str | None = None  # of the source as the ledger has it; not known after a restart
        self.state = JobPhase.COLLECTING
        self.crashes = 0  # splices that had to be begun again
        self.damages = 0  # splices that met damaged results
        self.chunk_counts: list[int] = []  # known from Finish on
        self.statistics = JobStatistics()
        self.finished: Finished | None = None

    @classmethod
    def from_own(cls, own: Own) -> CollectedJob:
        """Raises ValueError when the job cannot be one: names that are no file names, no outputs, too many tracks."""
        check_file_name(own.job, "a job's id")
        names = [str(output.get("name", "")) for output in own.outputs]
        check_output_names(names)
        stream_count = own.source.get("stream_count")
        if not isinstance(stream_count, int) or stream_count < 1 or not names:
            raise ValueError("a job has at least one stream and one output")
        if len(names) + stream_count - 1 > MAX_TRACKS:
            raise ValueError(f"a job has at most {MAX_TRACKS} outputs and streams")
        names += [""] * (stream_count - 1)
        tracks = [CollectedTrack(number, name) for number, name in enumerate(names)]
        job = cls(own.job, own.owner_epoch, own.name, own.user, tracks, own.lease_key)
        job.source_print = print_of(own.source)
        return job

    def set_state(self, state: JobPhase) -> None:
        """Go on to another phase. Raises IllegalTransition where the table does not allow it."""
        self.state = changed(JOB_TRANSITIONS, self.state, state)

    @property
    def has_succeeded(self) -> bool:
        """True when the job has its files."""
        return self.finished is not None and self.finished.state != JobState.FAILED

    def holdings(self) -> list[Bitmap]:
        """A bitmap a track. Once the files are there the results are needed no more, and count as held."""
        if self.has_succeeded:
            return [Bitmap.full(count) for count in self.chunk_counts]
        return [_bitmap(track.held) for track in self.tracks]

    def holds(self, track: CollectedTrack, index: int) -> bool:
        """Return True when the result of this chunk is here, or in a finished file."""
        return index in track.held or (self.has_succeeded and index < self.chunk_counts[track.number])

    def begin_again(self) -> None:
        """Collect results again, after a splice that failed or found results that it cannot use. What is stored stays;
        the rest is as it was before Finish."""
        if self.state is JobPhase.FINISHED:
            self.crashes = self.damages = 0
        self.set_state(JobPhase.COLLECTING)
        self.chunk_counts, self.statistics, self.finished = [], JobStatistics(), None

    def fixed(self) -> FixedPart:
        """Return what does not change of a job, for the ledger."""
        return FixedPart(self.name, self.user, self.owner_epoch, self.lease_key)

    def record(self) -> JobRecord:
        """Return what changes of a job, for the ledger."""
        return JobRecord(
            state=self.state,
            crashes=self.crashes,
            damages=self.damages,
            chunk_counts=self.chunk_counts,
            tracks=[TrackRecord(one.output, one.fingerprint, one.duplicates, one.differing) for one in self.tracks],
            finished=self.finished,
        )

    @classmethod
    def restored(cls, job: str, fixed: FixedPart, record: JobRecord) -> CollectedJob:
        """Return a job after a restart, as the ledger has it, without what is held. A splice that ran is begun again by
        the next Finish."""
        tracks = [
            CollectedTrack(number, output, fingerprint=fingerprint, duplicates=duplicates, differing=differing)
            for number, (output, fingerprint, duplicates, differing) in enumerate(record.tracks)
        ]
        made = cls(job, fixed.owner_epoch, fixed.name, fixed.user, tracks, fixed.lease_key)
        made.crashes, made.damages = record.crashes, record.damages
        if record.finished is not None:
            made.state = JobPhase.FINISHED
            made.chunk_counts = record.chunk_counts
            made.finished = record.finished
        return made

    def validate(self) -> None:
        """Raise AssertionError where the job contradicts itself."""
        assert (self.finished is not None) == (self.state is JobPhase.FINISHED), f"{self.id} is {self.state.value}"
        assert not (self.has_succeeded and any(track.held for track in self.tracks)), f"{self.id} kept its results"
        for track in self.tracks:
            assert not (track.fingerprint and not track.output), f"{self.id}/{track.number} is passed through"
            assert all(0 <= index < MAX_CHUNKS for index in track.held)
            if self.state is JobPhase.SPLICING:
                assert track.holds_all(self.chunk_counts[track.number]), f"{self.id}/{track.number} is not complete"


def _bitmap(indexes: Any) -> Bitmap:
    bitmap = Bitmap()
    for index in indexes:
        bitmap.add(index)
    return bitmap
