"""A job: what was asked for, which of its chunks are here, its tracks, and what the ledger keeps of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from base.build_path import from_text, to_text
from middleware import told
from middleware.chains import Chain
from middleware.history import Told
from middleware.states import FINAL, JOB_TRANSITIONS, JobState
from middleware.submission import has_source, ledger_size, shortened
from middleware.tracks import Track
from middleware.users import Resource, User
from wire.bitmap import Bitmap
from wire.transitions import changed

MAX_CHUNK_FRAMES: Final = 10_000_000
"""Frames of one chunk: records of the shortest kind in one of the usual size. It also keeps sums within an integer."""

NO_ROOM_WAIT_S: Final = 5.0
"""How long a job waits for which there is no room, before its next tasks find out whether there is some again."""


class Job:
    """One source submitted once. `record` and `fixed` are what the ledger keeps of it."""

    fixed = Told[dict[str, Any]]()
    outputs_summary = Told[list[dict[str, Any]]]()
    files = Told[list[dict[str, Any]]]()
    addresses = Told[list[dict[str, Any]]]()
    final = Told[dict[str, Any]]()
    """Once it is final: the progress it had made."""
    failures = Told[list[dict[str, Any]]]()
    """… and the failures told."""

    def __init__(self, job: str, fixed: dict[str, Any], user: User) -> None:
        self.id, self.user = job, user
        self.has_settled = False
        self.fixed = fixed
        self.fixed_bytes, self.has_source = ledger_size(fixed), has_source(fixed)
        self.spooled_bytes = self.chunk_count = 0
        self.key: str = fixed["key"]
        self.name: str = fixed["source"].get("name", "")
        self.priority: int = fixed["priority"]
        self.submitted_unix_s: float = fixed["submitted_unix_s"]
        self.lease_key: bytes = fixed["lease_key"]
        self.state = JobState.PENDING
        self.code = self.reason = ""
        self.session = ""  # of the client that sent it last
        self.client: int | None = None  # the peer attached now
        self.accepted = 0  # chunks accepted over this attachment
        self.owner = ""  # store id
        self.owner_name = ""
        self.owner_epoch = 0
        self.holdings_known = False
        self.finish_sent = False
        self.chunk_counts: list[int] | None = None
        self.seconds = 0.0
        self.outputs_summary, self.files, self.addresses = [], [], []
        self.benched: dict[str, int] = {}  # worker name → tasks of this job it failed
        self.kept_failed: set[tuple[int, int]] = set()  # (track, index) of chunks kept because they failed
        self.no_room_until = 0.0  # see `wait_for_room`
        self.no_room_reason = ""
        self.outdated_since: float | None = None  # since when nobody could go on with what its first workers made
        self.moved_at: float | None = None  # when its upload went on, or a task of it was stored
        self.waits_long = False  # for its upload: some of it was here, or a person wished it again
        self.edited_as = ""  # the job in which its source, edited since, was submitted anew
        self.final, self.failures = {}, []
        self.told_room_bytes = 0
        self.link_costs = 0  # connections that ended over a message about it
        self.kind = str(fixed["source"].get("kind", ""))
        self.assets: list[dict[str, Any]] = fixed.get("assets", [])  # files that its filters name
        self._clear()

    def _clear(self) -> None:
        """Knows of no chunk and of no task."""
        self.worker_source = {"kind": self.kind, **self.fixed["source"].get("process", {})}
        self._clear_chunks()
        can_stage = bool(self.worker_source.get("stages"))
        self.tracks = [
            Track(number, 0, Chain(self.kind, tuple(step["name"] for step in output["chain"]), can_stage))
            for number, output in enumerate(self.fixed["outputs"])
        ]
        untouched = Chain(self.kind, (), False)
        first = len(self.tracks) - 1
        self.passed = [Track(first + stream, stream, untouched) for stream in range(1, self.stream_count)]  # unfiltered
        self.tracks += self.passed

    def set_state(self, state: JobState, code: str = "", reason: str = "") -> bool:
        """Returns whether anything changed."""
        before = (self.state, self.code, self.reason)
        self.state = changed(JOB_TRANSITIONS, self.state, state)
        self.code, self.reason = code, reason
        return before != (self.state, code, reason)

    @property
    def stream_count(self) -> int:
        """Of the source. The files that filters name are the chunks of one stream more, which has no track."""
        return int(self.fixed["source"].get("stream_count", 1))

    @property
    def has_assets(self) -> bool:
        """Whether all files that its filters name are here: before, nothing of it is handed out."""
        return not self.assets or self.have[self.stream_count].count == len(self.assets)

    def asset_index(self, value: str) -> int | None:
        """The chunk of the assets' stream that a file is; None for one that is not here."""
        index = next((number for number, each in enumerate(self.assets) if each["value"] == value), None)
        return index if index is not None and index in self.have[self.stream_count] else None

    def assets_of(self, track: Track) -> list[str]:
        """The files that an output's filters name, by value."""
        values = {each["value"] for each in self.assets}
        steps = self.fixed["outputs"][track.number]["chain"]
        given = (value for step in steps for value in _parameters(step) if isinstance(value, str))
        return sorted(values & set(given)) if values else []

    def _clear_chunks(self) -> None:
        """Knows of no chunk."""
        self._charge(-self.chunk_count, -self.spooled_bytes)
        stream_count = self.stream_count + bool(self.assets)
        self.have = [Bitmap() for _ in range(stream_count)]
        self.freed = [Bitmap() for _ in range(stream_count)]  # were here, are stored everywhere, were given up for room
        self.frame_counts: list[dict[int, int]] = [{} for _ in range(stream_count)]
        self.checksums: list[dict[int, int]] = [{} for _ in range(stream_count)]
        self.sizes: list[dict[int, int]] = [{} for _ in range(stream_count)]
        self.frames_sent = 0

    def _charge(self, chunks: int, size: int) -> None:
        """Count chunks that are known, and bytes of them that are spooled: the only writer of both."""
        self.chunk_count += chunks
        self.spooled_bytes += size
        self.user.charge(Resource.CHUNKS, chunks)
        self.user.charge(Resource.SPOOL_BYTES, size)

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    def settle(self, progress: dict[str, Any], failures: list[dict[str, Any]]) -> None:
        """It is final: what it came to is kept, and the memory of its chunks, its tasks and its source given back."""
        self.final, self.failures = progress, failures
        self._clear_chunks()
        self._set_fixed(shortened(self.fixed))
        self._remember(settled=True)

    def _remember(self, *, settled: bool) -> None:
        """Into the history, or out of it again: what is told is packed there, and there are no tasks."""
        told = (self.fixed, self.outputs_summary, self.files, self.addresses, self.final, self.failures)
        self.has_settled = settled
        self.fixed, self.outputs_summary, self.files, self.addresses, self.final, self.failures = told
        if settled:
            self.tracks, self.passed, self.worker_source = [], [], {}

    def begin_again(self) -> None:
        """A person's retry: only what was asked for, its owner and how many chunks there are, is as before."""
        self.set_state(JobState.PENDING, "retried", "it begins again")
        self._remember(settled=False)
        self._clear()
        self.final, self.failures = {}, []
        self.outputs_summary, self.files, self.addresses = [], [], []
        self.seconds = self.no_room_until = 0.0
        self.benched, self.kept_failed = {}, set()
        self.link_costs = 0
        self.holdings_known = self.finish_sent = False
        self.waits_long = True

    def take_source(self, fixed: dict[str, Any]) -> None:
        """It begins again, and this is once more what was asked for."""
        self._set_fixed(fixed)
        self._clear()

    def _set_fixed(self, fixed: dict[str, Any]) -> None:
        self.fixed, self.assets = fixed, fixed.get("assets", [])
        self.fixed_bytes, self.has_source = ledger_size(fixed), has_source(fixed)

    def wait_for_room(self, reason: str, now: float) -> None:
        """There is none for its results, or between its workers: nothing more is computed for it for a while."""
        self.no_room_until, self.no_room_reason = now + NO_ROOM_WAIT_S, reason

    def forget_chunks(self) -> None:
        """Its upload has stopped: nothing that came of it is kept. What is stored stays stored."""
        self.waits_long = True
        self._clear_chunks()
        for track in self.tracks:
            track.drop_all_begun()
            track.stored_frames = 0  # counted again as the chunks come again

    def add_chunk(self, stream: int, index: int, frame_count: int, size: int, xxh3: int) -> None:
        is_known = index in self.frame_counts[stream]
        self.have[stream].add(index)
        if stream == 0:
            self.frames_sent += frame_count - self.frame_counts[0].get(index, 0)
        self.frame_counts[stream][index] = frame_count
        self.checksums[stream][index] = xxh3
        self.sizes[stream][index] = size
        self._charge(0 if is_known else 1, size)
        for track in self.tracks:
            if track.stream == stream:
                track.chunk_came(index)
                if index in track.stored and not is_known:
                    track.stored_frames += frame_count

    def remove_chunk(self, stream: int, index: int) -> None:
        """Undoes `add_chunk`: it could not be kept."""
        self.have[stream].discard(index)
        self._charge(-1, -self.sizes[stream].pop(index))
        self.frames_sent -= self.frame_counts[stream][index] if stream == 0 else 0
        del self.frame_counts[stream][index], self.checksums[stream][index]

    def tasks_total(self, track: Track) -> int | None:
        return None if self.chunk_counts is None else self.chunk_counts[track.stream]

    @property
    def all_sent(self) -> bool:
        counts = self.chunk_counts
        return counts is not None and all(
            len(have) + len(freed) == count for have, freed, count in zip(self.have, self.freed, counts, strict=True)
        )

    def received(self, stream: int) -> Bitmap:
        """The chunks that a client need not send."""
        return self.have[stream].union(self.freed[stream])

    def free_stored(self, limit_bytes: int) -> list[tuple[int, int]]:
        """Gives up chunks that are stored on all their tracks, about `limit_bytes` of them; returns (stream, index)."""
        freed: list[tuple[int, int]] = []
        for stream, have in enumerate(self.have[: self.stream_count]):
            ready = have.in_all([track.stored for track in self.tracks if track.stream == stream])
            sizes = self.sizes[stream]
            chosen = []
            while limit_bytes > 0 and (index := next(ready, None)) is not None:
                limit_bytes -= sizes[index]
                chosen.append(index)
            for index in chosen:
                self.give_up(stream, index)
            freed += [(stream, index) for index in chosen]
        return freed

    def give_up(self, stream: int, index: int) -> int:
        """Lets a chunk go whose tasks are stored; returns its size."""
        self.have[stream].discard(index)
        self.freed[stream].add(index)
        size = self.sizes[stream].pop(index)
        self._charge(0, -size)
        return size

    @property
    def can_begin_again(self) -> bool:
        """Whether all its source is at hand: nothing was given up, or there is a client to send it again."""
        return self.client is not None or not any(len(freed) for freed in self.freed)

    def miss_freed(self) -> bool:
        """After the owner's word on its holdings: chunks given up that must be redone are needed again."""
        missed = False
        for stream, freed in enumerate(self.freed):
            tracks = [track for track in self.tracks if track.stream == stream]
            for index in list(freed):
                if not tracks or not all(index in track.stored for track in tracks):  # without a track: a file
                    missed = freed.discard(index)
        return missed

    @property
    def all_stored(self) -> bool:
        counts = self.chunk_counts
        return counts is not None and all(track.holds_all(counts[track.stream]) for track in self.tracks)

    def record(self) -> dict[str, Any]:
        """What changes of a job, for the ledger."""
        return {
            "state": self.state.value,
            "code": self.code,
            "reason": self.reason,
            "session": self.session,
            "owner": self.owner,
            "owner_name": self.owner_name,
            "owner_epoch": self.owner_epoch,
            "builds": [to_text(track.fingerprint) for track in self.tracks],
            "chunk_counts": self.chunk_counts,
            "seconds": self.seconds,
            "outputs_summary": self.outputs_summary,
            "files": self.files,
            "addresses": self.addresses,
            "edited_as": self.edited_as,
            "waits_long": self.waits_long,
            "final": self.final,
            "failures": self.failures,
        }

    def restore(self, record: dict[str, Any]) -> None:
        """The reverse of `record`, after a restart. A job that was running is pending until its workers are back."""
        state = JobState(record["state"])
        self.state = JobState.PENDING if state is JobState.RUNNING else state
        for name in ("code", "reason", "session", "owner", "owner_name", "owner_epoch", "chunk_counts", "seconds"):
            setattr(self, name, record[name])
        self.addresses = record["addresses"]
        self.outputs_summary, self.files = told.summaries(record["outputs_summary"]), told.files(record["files"])
        for track, build in zip(self.tracks, record["builds"], strict=False):  # none of a job that has ended
            track.fingerprint = from_text(build, len(track.chain.steps))
        self.edited_as = record.get("edited_as", "")
        self.waits_long = record.get("waits_long", False)
        self.final, self.failures = record.get("final", {}), record.get("failures", [])
        if self.is_final:
            self._remember(settled=True)


def _parameters(step: dict[str, Any]) -> Iterable[Any]:
    parameters = step.get("parameters")
    return parameters.values() if isinstance(parameters, dict) else ()
