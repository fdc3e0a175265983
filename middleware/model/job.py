"""A job: what was asked for, which of its chunks are here, and its tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Final

from moviola.base.build_path import from_text, to_text
from moviola.base.failures import Failure
from moviola.base.mapped import Map
from moviola.base.progress import Progress
from moviola.base.timeline import JobTimeline
from moviola.base.vocabulary import JobCode
from moviola.wire.bitmap import Bitmap
from moviola.wire.lease_tags import LeaseTags
from moviola.wire.transitions import changed

from ..job_record import JobRecord
from ..job_request import JobRequest
from .announced import Announced
from .chain import Chain
from .changes import Changes, Urgency
from .job_parts import JobResult, Owner, Shortage, Upload
from .smoothed_rate import SmoothedRate
from .states import FINAL, JOB_TRANSITIONS, JobState
from .stream import ChunkFacts, Stream
from .timeline import Timeline
from .track import Track
from .users import User

MAX_CHUNK_FRAMES: Final = 10_000_000
"""Frames of one chunk: records of the shortest kind in one of the usual size. It also keeps sums within an integer."""

NO_ROOM_WAIT_S: Final = 5.0
"""How long a job waits after there was no room for it, before its next tasks find out whether there is some again."""


TURN_S: Final = 1.0
"""How long a job without a task in flight is still said to run: with many jobs each of them waits for its turn now and
then, and nobody wants to read of that. What else keeps a job waiting is said at once."""

_numbers = count(1)


class Job:
    """One source submitted once. `record` and `request` are what the ledger keeps of it.

    Whoever changes a job does so by its methods: each says to `changes` that the job changed.
    """

    __slots__ = (
        "_changes",
        "announced",
        "chunk_counts",
        "client",
        "code",
        "excluded",
        "filtered",
        "frames_computed",
        "id",
        "kept_failed",
        "last_served",
        "ledger_bytes",
        "link_costs",
        "mark",
        "no_room",
        "number",
        "outdated_since",
        "owner",
        "passed",
        "rate",
        "reason",
        "request",
        "result",
        "session",
        "settled_with",
        "state",
        "streams",
        "tags",
        "timeline",
        "tracks",
        "upload",
        "user",
        "worked_at",
        "worker_source",
    )

    def __init__(self, job: str, request: JobRequest, user: User, changes: Changes) -> None:
        self.id, self.user, self._changes = job, user, changes
        self.number = next(_numbers)  # the lower, the older
        self.mark: Callable[[], None] = partial(changes.mark, self)  # says that it changed, in no hurry
        self.request, self.ledger_bytes = request, request.ledger_size()
        self.settled_with = -1  # the fleet's version, if all of it is here: what moves its tasks changes nothing else
        self.tags = LeaseTags(request.lease_key)
        self.state = JobState.PENDING
        self.code = self.reason = ""
        self.announced = Announced()
        self.session = ""  # of the client that sent it last
        self.client: int | None = None  # the peer attached now
        self.upload, self.owner, self.result = Upload(), Owner(), JobResult()
        self.chunk_counts: list[int] | None = None
        self.excluded: dict[str, int] = {}  # worker name → tasks of this job it failed
        self.kept_failed: set[tuple[int, int]] = set()  # (track, index) of chunks kept because they failed
        self.no_room = Shortage()
        self.outdated_since: float | None = None  # since when nobody could go on with what its first workers made
        self.link_costs = 0  # connections that ended over a message about it
        self.worked_at = float("-inf")  # when a task of it was in flight last
        self.last_served = 0  # the number of its last lease
        self.frames_computed = 0  # by the last filters of its chains, in this life of the middleware
        self.rate = SmoothedRate()  # … of these
        self.timeline = Timeline()  # of the leases of this life of the middleware, since the job was begun last
        self.streams: list[Stream] = []
        self.tracks: list[Track] = []
        self._clear()

    def _clear(self) -> None:
        """Know of no chunk and of no task."""
        self._clear_work()
        asked, stream_count = self.request, self.request.stream_count
        self.worker_source = {"kind": asked.kind, **asked.source.get("process", {})}
        self.streams = [Stream(number, self.user) for number in range(stream_count + bool(asked.assets))]
        can_stage = bool(self.worker_source.get("stages"))
        chains = [
            (0, Chain(asked.kind, tuple(step["name"] for step in output["chain"]), can_stage))
            for output in asked.outputs
        ]
        untouched = Chain(asked.kind, (), False)
        chains += [(stream, untouched) for stream in range(1, stream_count)]
        on_progress = partial(self._changes.progress, self)
        self.tracks = [
            Track(number, self.streams[stream], chain, self.user, self.timeline, self.mark, on_progress)
            for number, (stream, chain) in enumerate(chains)
        ]
        self.passed = [track for track in self.tracks if track.is_passthrough]
        self.filtered = [track for track in self.tracks if not track.is_passthrough]
        self.mark()

    def _clear_work(self) -> None:
        for track in self.tracks:
            track.drop_all_begun()
        for stream in self.streams:
            stream.clear()

    @property
    def is_preview(self) -> bool:
        """Return True if it is for its client alone, and goes with it."""
        return self.request.is_preview

    # ── what changes ─────────────────────────────────────────────────────────────────────────────────────────────

    def set_state(self, state: JobState, code: str = "", reason: str = "") -> bool:
        """Return whether anything changed."""
        if (self.state, self.code, self.reason) == (state, code, reason):
            return False
        takes_turns = JobCode.BUSY in (self.code, code) and JobState.RUNNING in (self.state, state)
        self.state = changed(JOB_TRANSITIONS, self.state, state)
        self.code, self.reason = code, reason
        self._changes.mark(self, Urgency.LATER if takes_turns else Urgency.NOW)
        return True

    def set_priority(self, priority: int) -> None:
        """Change the priority. The next tasks come before those of the user's jobs that have a lower one."""
        self.request = replace(self.request, priority=priority)
        self._changes.mark(self, Urgency.NOW)

    def attach(self, peer: int, session: str, now: float) -> None:
        """Attach the client that sends the job's source from now on."""
        self.client, self.session = peer, session
        self.upload.accepted, self.upload.moved_at, self.upload.edited_as = 0, now, ""
        self.mark()

    def detach(self) -> None:
        """Its client has gone."""
        self.client = None
        self.mark()

    def acknowledge_chunk(self, now: float) -> None:
        """Its client has sent a chunk, which is here now; it is told so."""
        self.upload.accepted += 1
        self.upload.moved_at = now
        self._changes.mark(self, Urgency.ACKNOWLEDGED)

    def offer_room(self) -> None:
        """There is more room for its chunks than its client was told; it is told so."""
        self._changes.mark(self, Urgency.ACKNOWLEDGED)

    def ask_anew(self, now: float) -> None:
        """Have its client told which chunks are needed again. The timeout of the upload begins anew: what is here is
        kept for as long as if the upload stopped now."""
        self.upload.moved_at = now
        self._changes.mark(self, Urgency.MISSED)

    def supersede(self, job: str) -> None:
        """Note that the source was edited, and was submitted anew as another job."""
        self.upload.edited_as = job
        self.mark()

    def give_to(self, store: str, name: str) -> None:
        """Have another aggregator, or the same one anew, keep the job's results, under the next owner epoch. Results of
        before are forgotten."""
        self.owner = Owner(store, name, self.owner.epoch + 1)
        for track in self.tracks:
            track.forget_results()
        self.kept_failed.clear()
        self.outdated_since = None
        self.mark()

    def disown(self) -> None:
        """Take the job from its owner: no aggregator keeps its results."""
        self.owner.store = self.owner.name = ""
        self.mark()

    def await_holdings(self) -> None:
        """Note that the owner was asked what it has stored, or is away. Until it answers nothing is handed out."""
        self.owner.holdings_known = self.owner.finish_sent = False
        self.mark()

    def know_holdings(self) -> None:
        """Its owner has said what it has stored. A Finish that was sent before does not count, and is sent again."""
        self.owner.holdings_known, self.owner.finish_sent = True, False
        self.mark()

    def await_files(self) -> None:
        """Its owner is told that all is stored, and makes its files."""
        self.owner.finish_sent = True
        self.mark()

    def end_upload(self, chunk_counts: list[int]) -> None:
        """Its client has said how many chunks each stream has."""
        self.chunk_counts = chunk_counts
        self.mark()

    def count_failure(self, worker: str) -> None:
        """A worker failed one of its tasks."""
        self.excluded[worker] = self.excluded.get(worker, 0) + 1
        self.mark()

    def wait_for_room(self, reason: str, now: float) -> None:
        """Compute nothing more for the job for NO_ROOM_WAIT_S, because there is no room for its results, or for what
        lies between its workers."""
        self.no_room = Shortage(now + NO_ROOM_WAIT_S, reason)
        self.mark()

    # ── what it is ───────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    def is_owned(self, store: str, epoch: int) -> bool:
        """Return True if this store has its results under this owner epoch."""
        return self.owner.store == store and self.owner.epoch == epoch

    @property
    def name(self) -> str:
        """Return what people call it: the name of its source."""
        return self.request.name

    @property
    def on_error(self) -> str:
        """Return what becomes of a frame on which a filter fails twice."""
        return self.request.policy.on_error

    @property
    def has_assets(self) -> bool:
        """Whether all files that its filters name are here: before, nothing of it is handed out."""
        assets = self.request.assets
        return not assets or self.streams[-1].here.count == len(assets)

    @property
    def frames_sent(self) -> int:
        """Of the filtered stream."""
        return self.streams[0].frame_count if self.streams else 0

    @property
    def spooled_bytes(self) -> int:
        return sum(stream.spooled_bytes for stream in self.streams)

    @property
    def has_chunks(self) -> bool:
        """Whether any of its chunks is here."""
        return any(stream.here.count for stream in self.streams)

    def works(self, now: float) -> bool:
        """Whether a task of it was in flight a moment ago: it takes its turns, and nothing keeps it from going on."""
        return now - self.worked_at < TURN_S

    @property
    def is_in_flight(self) -> bool:
        """Whether any of its tasks is."""
        for track in self.tracks:  # noqa: SIM110 - asked for each task: a generator costs three times as much
            if track.queue.in_flight:
                return True
        return False

    @property
    def all_sent(self) -> bool:
        if self.chunk_counts is None:
            return False
        for stream, total in zip(self.streams, self.chunk_counts, strict=False):
            if stream.here.count + stream.freed.count != total:
                return False
        return True

    @property
    def all_stored(self) -> bool:
        if self.chunk_counts is None:
            return False
        for track in self.tracks:  # noqa: SIM110
            if not track.queue.holds_all(self.chunk_counts[track.stream.number]):
                return False
        return True

    @property
    def can_begin_again(self) -> bool:
        """Whether all its source is at hand: nothing was given up, or there is a client to send it again."""
        return self.client is not None or not any(stream.freed.count for stream in self.streams)

    def received(self) -> list[Bitmap]:
        """Return the chunks that a client need not send, a bitmap a stream."""
        return [stream.here.union(stream.freed) for stream in self.streams]

    def asset_index(self, value: str) -> int | None:
        """Return the index of a file as a chunk of the assets' stream; None if the file is not here."""
        index = next((number for number, each in enumerate(self.request.assets) if each.value == value), None)
        return index if index is not None and index in self.streams[-1].here else None

    def assets_of(self, track: Track) -> list[str]:
        """The files that an output's filters name, by value."""
        if not self.request.assets:
            return []
        values = {each.value for each in self.request.assets}
        steps = self.request.outputs[track.number]["chain"]
        given = (value for step in steps for value in _parameters(step) if isinstance(value, str))
        return sorted(values & set(given))

    # ── chunks ───────────────────────────────────────────────────────────────────────────────────────────────────

    def add_chunk(self, stream: int, index: int, facts: ChunkFacts) -> None:
        """A chunk is here that was not."""
        self.streams[stream].add(index, facts)
        self.mark()

    def remove_chunk(self, stream: int, index: int) -> None:
        """Undo `add_chunk`: it could not be kept."""
        self.streams[stream].forget(index)
        self.mark()

    def give_up(self, stream: int, index: int) -> None:
        """Let a chunk go whose tasks are stored, or that is lost."""
        self.streams[stream].give_up(index)
        self.mark()

    def forget_chunks(self) -> None:
        """Forget all chunks, because the upload has stopped. Results that are stored stay stored."""
        self.upload.waits_long = True
        self._clear_work()
        self.mark()

    def free_stored(self, limit_bytes: int) -> list[tuple[int, int]]:
        """Gives up chunks that are stored on all their tracks, about `limit_bytes` of them; returns (stream, index)."""
        freed: list[tuple[int, int]] = []
        for stream in self.streams[: self.request.stream_count]:
            before = stream.spooled_bytes
            freed += [(stream.number, index) for index in stream.free_stored(limit_bytes)]
            limit_bytes -= before - stream.spooled_bytes
        if freed:
            self.mark()
        return freed

    def miss_freed(self) -> bool:
        """Count chunks that were given up as needed again, if a task of them is not stored. Return whether there are
        any."""
        missed = [stream.miss_freed() for stream in self.streams]
        if any(missed):
            self.mark()
        return any(missed)

    # ── its end, and another beginning ───────────────────────────────────────────────────────────────────────────

    def end(self) -> None:
        """Give back what the job held, because it is over. Keep of its submission only who asked for what."""
        self._clear_work()
        self._take_request(self.request.shortened())

    def begin_again(self) -> None:
        """Have a job that was over begin again, because a person wishes it. Only what was asked for, its owner and the
        numbers of chunks stay as they were."""
        self.set_state(JobState.PENDING, JobCode.RETRIED, "it begins again")
        self.result = JobResult()
        self.upload.waits_long = True
        self.announced = Announced()

    def take_source(self, request: JobRequest) -> None:
        """Take what was asked for, with the source, of a job that begins again. The priority stays, because it may have
        been changed. If the source is still coming, End will say how many chunks there are and describe it; the job
        must not be finished before."""
        self._take_request(replace(request, priority=self.request.priority))
        if not request.is_whole:
            self.chunk_counts = None
        self._clear()

    def describe_source(self, request: JobRequest) -> None:
        """Describe the source anew, because more is known of it by now. What workers are told of it stays the same."""
        self._take_request(request)
        self.mark()

    def _take_request(self, request: JobRequest) -> None:
        self.request, self.ledger_bytes = request, request.ledger_size()

    def validate(self) -> None:
        """Raise AssertionError where what is known of it disagrees."""
        for stream in self.streams:
            stream.validate()
        for track in self.tracks:
            track.validate()
        assert not (self.is_final and self.is_in_flight), f"{self.id} is final with a task in flight"

    def told_timeline(self, zero_s: float, now: float) -> JobTimeline:
        """Return who did which of its tasks, and when.

        Args:
            zero_s (s): the time of its submission, by the clock of `now`.
        """
        flights = (flight for track in self.filtered for flight in track.queue.in_flight.values())
        return self.timeline.told(zero_s, (lease for flight in flights for lease in flight.leases.values()), now)

    def record(
        self,
        final: Progress | None = None,
        failures: Sequence[Failure] = (),
        timeline: JobTimeline | None = None,
    ) -> JobRecord:
        """Return what changes of a job, for the ledger; of one that is over with the progress that it had made, with
        the failures that are told, and with its timeline."""
        return JobRecord(
            state=self.state,
            code=self.code,
            reason=self.reason,
            session=self.session,
            owner=self.owner.store,
            owner_name=self.owner.name,
            owner_epoch=self.owner.epoch,
            builds=[to_text(track.fingerprint) for track in self.tracks],
            chunk_counts=self.chunk_counts,
            seconds=self.result.seconds,
            outputs_summary=self.result.outputs,
            files=self.result.files,
            addresses=self.result.addresses,
            edited_as=self.upload.edited_as,
            waits_long=self.upload.waits_long,
            final=final or Progress(),
            failures=list(failures),
            timeline=timeline,
        )

    def restore(self, record: JobRecord) -> None:
        """The reverse of `record`, after a restart. A job that was running is pending until its workers are back."""
        self.state = JobState.PENDING if record.state is JobState.RUNNING else record.state
        self.code, self.reason, self.session = record.code, record.reason, record.session
        self.owner = Owner(record.owner, record.owner_name, record.owner_epoch)
        self.chunk_counts = record.chunk_counts
        self.result = JobResult(record.seconds, record.outputs_summary, record.files, record.addresses)
        for track, build in zip(self.tracks, record.builds, strict=False):  # none of a job that has ended
            track.fingerprint = from_text(build, len(track.chain.steps))
        self.upload.edited_as, self.upload.waits_long = record.edited_as, record.waits_long
        self.announced.restore(self.state, self.code, has_started=any(record.builds))
        self.timeline.is_whole = not any(record.builds)


def _parameters(step: Map) -> Iterable[Any]:
    parameters = step.get("parameters")
    return parameters.values() if isinstance(parameters, dict) else ()
