"""Aggregators: which one owns a job, what it holds, what it is passed, and the end of a job."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Set
from dataclasses import replace
from itertools import islice
from typing import Final

from moviola.base.build_path import BuildPath, from_text, to_text
from moviola.base.job_statistics import JobStatistics, Retried
from moviola.base.vocabulary import CauseKind, ErrorCode, EventKind, JobCode, LeasePhase, OnError, Topic, Verdict
from moviola.wire.addresses import Address
from moviola.wire.errors import ProtocolError
from moviola.wire.limits import MAX_CHUNKS
from moviola.wire.messages import (
    VERSIONS,
    AggregatorDetails,
    Cause,
    Drop,
    Finish,
    Finished,
    Hello,
    Holdings,
    Limits,
    Own,
    Pass,
    Revoke,
    Stored,
    Welcome,
)

from . import shortened_records
from .events import Close, Peer, SendChunk
from .failures import Failures
from .leases import Leases
from .model.cluster import Cluster
from .model.ended_job import EndedJob
from .model.job import MAX_CHUNK_FRAMES, Job
from .model.peers import AggregatorRecord
from .model.states import FINAL, JobState
from .model.track import Track
from .names import aggregators_before
from .publisher import failures_of
from .stages import is_outdated

RENEW_EMPTY_S: Final = 0.25
"""How long a job of which nothing is stored waits for workers of its build: a moment in which several may join."""

MAX_PASSING: Final = 64
"""Jobs that are looked at in a turn for chunks to pass on, those that waited longest first. That is as many as can
each have a chunk on its way to one aggregator, see Rules.aggregator_pass_window."""

STORED: Final = frozenset({Verdict.KEPT, Verdict.DUPLICATE})
"""Verdicts that mean: it is on disk."""


class Ownership:
    """The part of the dispatcher that deals with aggregators."""

    def __init__(self, cluster: Cluster, leases: Leases, failures: Failures) -> None:
        self._cluster = cluster
        self._leases, self._failures = leases, failures

    # ── aggregators come and go ──────────────────────────────────────────────────────────────────────────────────

    def joined(self, peer: Peer, hello: Hello, host: str, now: float) -> None:
        cluster = self._cluster
        details = AggregatorDetails.from_wire(hello.details)
        for old in aggregators_before(cluster, hello, details.store):
            cluster.outbox.append(
                Close(old.peer, ErrorCode.SUPERSEDED, f"a newer session of {hello.name!r} has joined")
            )
            self.left(old.peer, "superseded by a newer session", now)
        addresses = [one if one.host else Address(host, one.port) for one in details.addresses]
        record = AggregatorRecord(
            hello.name,
            hello.session,
            details.store,
            peer,
            addresses,
            now,
            now,
            results_age_s=details.results_age_s,
            results_limit=details.results_limit,
        )
        cluster.aggregators[peer] = record
        limits = Limits(cluster.rules.beat_interval_s, admins=list(cluster.rules.admins))
        cluster.send(peer, Welcome(version=VERSIONS[-1], epoch=cluster.epoch, limits=limits))
        where = record.message()
        for worker in cluster.fleet.connected():
            cluster.send(worker.peer, where)
        for client in cluster.watchers.values():
            if Topic.WORKERS in client.topics:
                cluster.send(client.peer, where)
        text = f"aggregator {record.name} joined: store {record.store}"
        cluster.note(EventKind.AGGREGATOR_JOINED, text, worker=record.name)
        cluster.touch_concerned()
        for job in cluster.jobs.values():
            if isinstance(job, Job):
                self._take_up(job, record)
            elif job.owner == record.store:  # whoever fetches its files must know where it is now
                cluster.changes.tell_now(job.id)
        self._await_deliveries(record, now)

    def _await_deliveries(self, record: AggregatorRecord, now: float) -> None:
        """Begin the delivery timeout anew for results that workers could not deliver while this aggregator was away."""
        for job in self._cluster.situations.in_work:
            if job.owner.store != record.store:
                continue
            for track in job.filtered:
                for flight in track.queue.in_flight.values():
                    for lease in flight.leases.values():
                        if lease.phase == LeasePhase.DELIVERING:
                            lease.progress_at = now

    def _take_up(self, job: Job, record: AggregatorRecord) -> None:
        """Ask an aggregator that has joined what it holds of a job, if it owns the job. Assign a job without owner."""
        if not job.request.has_source:
            return  # it is nobody's until its client submits it again
        if job.owner.store == record.store:
            self._own(job, record)
        elif not job.owner.store:
            self.assign(job)

    def left(self, peer: Peer, reason: str, now: float) -> None:
        cluster = self._cluster
        record = cluster.aggregators.pop(peer)
        cluster.note(EventKind.AGGREGATOR_LEFT, f"aggregator {record.name} left: {reason}", worker=record.name)
        gone = record.message(connected=False)
        for client in cluster.watchers.values():
            if Topic.WORKERS in client.topics:
                cluster.send(client.peer, gone)
        cluster.touch_concerned()
        for job in cluster.open.values():
            if job.owner.store == record.store:
                job.await_holdings()
                for track in job.passed:
                    for index in list(track.queue.in_flight):
                        track.queue.put_back(index)

    def expire(self, now: float) -> None:
        """End the connections of aggregators that were silent for too long: a host that vanishes says no farewell, and
        it should be known what its jobs wait for. One that has been here for a while may take over lost jobs."""
        cluster = self._cluster
        for record in list(cluster.aggregators.values()):
            silence = now - record.heard_at
            if silence > cluster.rules.worker_timeout_s:
                text = f"nothing was heard of it for {silence:.0f} s"
                cluster.outbox.append(Close(record.peer, ErrorCode.SILENT, text))
                self.left(record.peer, text, now)
            elif not record.is_settled and now - record.joined_at > cluster.rules.worker_timeout_s:
                record.is_settled = True
                self._replace_lost_store(record, now)

    def _replace_lost_store(self, record: AggregatorRecord, now: float) -> None:
        """Give an aggregator that came back without its store the jobs of that store, which had its name. Not to be
        called as soon as it joins: anybody may use a name while its owner is away for a moment."""
        for job in list(self._cluster.open.values()):
            if job.owner.name == record.name and self._cluster.owner_of(job) is None:
                text = f"aggregator {record.name} is back without its store: job {job.id} is redone"
                self._cluster.note(EventKind.STORE_LOST, text, job.id)
                self._give(job, record)

    # ── owning ───────────────────────────────────────────────────────────────────────────────────────────────────

    def assign(self, job: Job) -> None:
        """Give a job without owner to the connected aggregator that owns the fewest jobs. If none is connected, the
        next one that joins gets it."""
        owned = Counter(one.owner.store for one in self._cluster.open.values())
        record = min(self._cluster.aggregators.values(), key=lambda one: owned[one.store], default=None)
        if record is not None:
            self._give(job, record)

    def take_back(self, job: Job) -> None:
        """Have a job begin again under the next owner epoch: with its owner, or if that is away, with another
        aggregator. Do nothing as long as its source is not known again."""
        if not job.request.has_source:
            return
        record = self._cluster.owner_of(job)
        if record is not None:
            self._give(job, record)
        else:
            job.disown()
            self._cluster.save(job)  # else a restart would give it back to its owner under the epoch of before
            self.assign(job)

    def _give(self, job: Job, record: AggregatorRecord) -> None:
        self._failures.revoke_all(job)  # what is in work is for the store of before, which will not be heard of again
        job.give_to(record.store, record.name)
        self._cluster.save(job)
        self._own(job, record)

    def tell_anew(self, job: Job) -> None:
        """Tell a job's owner that more is known of the job's source. One that is away is told when it comes back."""
        owner = self._cluster.owner_of(job)
        if owner is not None:
            self._own(job, owner)

    def _own(self, job: Job, record: AggregatorRecord) -> None:
        job.await_holdings()
        asked = job.request
        own = Own(job.id, job.name, job.owner.epoch, asked.source, asked.outputs, asked.lease_key, job.user.name)
        self._cluster.send(record.peer, own)

    def holdings(self, record: AggregatorRecord, message: Holdings, now: float) -> None:
        """Take the owner's word on which results of a job are stored. While it was awaited, nothing of the job was
        handed out. It also comes unasked, when stored results are lost, and then replaces what was known before."""
        held = record.windows.take(message.job, message.owner_epoch, message.tracks)
        job = self._owned(record, message.job, message.owner_epoch)
        if job is None:
            return
        if len(message.tracks) != len(job.tracks):
            raise ProtocolError(
                ErrorCode.BAD_MESSAGE, f"Holdings of {len(message.tracks)} tracks; the job has {len(job.tracks)}"
            )
        cluster = self._cluster
        for track, bitmap in zip(job.tracks, held, strict=True):
            for lease in track.hold(bitmap):
                lease.revoked = True
                cluster.send(cluster.fleet.by_name[lease.worker].peer, Revoke(lease.lease))
            for index in [index for index in track.intermediates if index in track.queue.stored]:
                cluster.free_intermediate(job, track, index)
        self._check_builds(job, record, message, now)
        if job.owner.epoch != message.owner_epoch:
            return  # it begins again
        cluster.ask_again(job, now)
        job.know_holdings()
        cluster.situations.freeable[job] = None
        self.finish_if_complete(job, now)

    def _check_builds(self, job: Job, record: AggregatorRecord, message: Holdings, now: float) -> None:
        """Compare the builds of the results that the owner has with those chosen for the job's tracks. If they differ,
        because a power cut took the choice, the job begins again; else they are the chosen ones."""
        texts = zip(job.tracks, message.fingerprints, strict=False)
        pairs = [(track, _path(track, text)) for track, text in texts if text]
        for track, fingerprint in pairs:
            if not track.takes(fingerprint):
                held, chosen = to_text(fingerprint), to_text(track.fingerprint)
                text = f"{record.name} has results of {held!r}, not of {chosen!r}: {job.id} begins again"
                self._cluster.note(EventKind.JOB_RESTARTED, text, job.id)
                return self._give(job, record)
        for track, fingerprint in pairs:
            track.choose_build(fingerprint)
        return None

    def _owned(self, record: AggregatorRecord, job_id: str, owner_epoch: int) -> Job | None:
        """Return a job if it is open and `record` owns it under this epoch, else None. A stale owner is told to drop
        the job."""
        job = self._cluster.jobs.get(job_id)
        is_its_own = job is not None and job.is_owned(record.store, owner_epoch)
        if isinstance(job, Job) and not job.is_final and is_its_own:
            return job
        if not is_its_own:
            self._cluster.send(record.peer, Drop(job_id, owner_epoch))
        return None

    def renew_outdated(self, job: Job, now: float) -> None:
        """Begin a job again whose results were begun with library versions that no connected worker has any more:
        nothing could go on with them. A worker that comes back soon is waited for, where something is stored."""
        can_go_on = job.owner.holdings_known and job.state is not JobState.PAUSED
        if not can_go_on or not any(self._waits_for_build(track) for track in job.filtered):
            job.outdated_since = None
            return
        record = self._cluster.owner_of(job)
        if record is None:
            job.outdated_since = None
            return
        if job.outdated_since is None:
            job.outdated_since = now
        at = job.outdated_since + self._renew_after_s(job)
        if now < at:
            self._cluster.look_again(job, at)
        elif job.can_begin_again:
            text = f"no worker has the library versions it was begun with any more: job {job.id} begins again"
            self._cluster.note(EventKind.JOB_RESTARTED, text, job.id)
            self._give(job, record)

    def _renew_after_s(self, job: Job) -> float:
        """Return how long a job waits for workers of its build: only for a moment where it would lose nothing."""
        has_begun = any(track.queue.in_flight or track.queue.stored.count for track in job.filtered)
        return self._cluster.rules.renew_after_s if has_begun else RENEW_EMPTY_S

    def _waits_for_build(self, track: Track) -> bool:
        return bool(track.queue.count and not track.queue.in_flight) and is_outdated(self._cluster, track)

    # ── storing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def stored(self, record: AggregatorRecord, message: Stored, now: float) -> None:
        """A store tells what became of a result, or of a chunk that it was passed. Raises ProtocolError."""
        cluster = self._cluster
        if (job := cluster.open.get(message.job)) is None or job.owner.store != record.store:
            return
        number, index = message.track, message.index
        if number >= len(job.tracks) or index >= MAX_CHUNKS:
            raise ProtocolError(ErrorCode.BAD_MESSAGE, f"job {job.id} has no chunk {index} of track {number}")
        track = job.tracks[number]
        if message.verdict not in STORED:
            self._not_stored(record, job, track, message, now)
            return
        if index not in track.queue.in_flight and index in track.queue.stored:
            return
        if message.fallback_frames or message.lost_frames or message.damaged_frames:
            _check_frames(message)
            self._note_frames(job, track, message, now)
        job.upload.moved_at = now
        if track.intermediates:
            cluster.free_intermediate(job, track, index)
        if (begun_at := track.begun_at.get(index)) is not None:
            cluster.totals.latencies_s.append(now - begun_at)
        if (flight := track.store(index, now)) is not None:
            self._leases.stored(job, flight, message.lease, now)
        cluster.situations.freeable[job] = None
        cluster.stories.tell(now, job.id, number, index, "stored")
        if not (track.queue.count or track.queue.in_flight):
            self.finish_if_complete(job, now)

    def _not_stored(self, record: AggregatorRecord, job: Job, track: Track, message: Stored, now: float) -> None:
        """Act on a verdict that a store did not keep what it was sent, or that a result it had makes no file."""
        verdict, index = message.verdict, message.index
        if verdict == Verdict.NO_ROOM:
            job.wait_for_room(f"aggregator {record.name} has no room for its results: {message.text}", now)
        self._cluster.tell(job, track, index, f"not stored: {verdict} {message.text}", now)
        if track.is_passthrough:
            track.queue.put_back(index)
        if verdict == Verdict.DAMAGED:
            self._cluster.check(job, track, index)
        if verdict == Verdict.UNREADABLE and index in track.queue.stored and not track.is_passthrough:
            self._failures.unreadable(job, track, index, message.worker, message.text, now)

    def _note_frames(self, job: Job, track: Track, message: Stored, now: float) -> None:
        """Count the frames of a result that are not as asked, and have its chunk kept where its filter failed."""
        fallback, lost = message.fallback_frames, message.lost_frames
        track.tally.note_frames(fallback, lost, message.damaged_frames)
        if fallback or (lost and job.on_error == OnError.DROP):
            self._cluster.keep_failed(job, track, message.index)
        what = self._cluster.describe_task(job, track, message.index)
        if fallback:
            cause = Cause(CauseKind.FALLBACK, "frames were not filtered, because a filter failed on them")
            self._cluster.blame(cause, now, job, track, message.index, message.worker, count=fallback)
            text = f"{counted(fallback)} of {what} not filtered: a filter failed"
            self._cluster.note_task(EventKind.FRAMES_FELL_BACK, text, job, track, message.index, frames=fallback)
        if lost:
            text = f"{counted(lost)} of {what} did not come out"
            self._cluster.note_task(EventKind.FRAMES_LOST, text, job, track, message.index, frames=lost)

    def expire_deliveries(self, behind: Set[Peer], now: float) -> None:
        """Put tasks back that were delivered long ago, and that the aggregator has not said to be stored. Nothing is
        expected of it while it is away, has no room, or has not been sent all yet that it is passed (`behind`)."""
        cluster = self._cluster
        for job in list(cluster.situations.delivering):
            owner = cluster.owner_of(job)
            is_able = owner is not None and owner.peer not in behind
            for track in job.tracks:
                if not is_able or not job.owner.holdings_known or now < job.no_room.until:
                    track.queue.await_deliveries(now)
                    continue
                for index in track.queue.undelivered(cluster.rules.delivery_timeout_s, now):
                    track.queue.put_back(index)
                    text = f"the aggregator: it was not stored in {cluster.rules.delivery_timeout_s:.0f} s"
                    self._failures.count_loss(job, track, index, text, now)

    def pass_on(self, now: float) -> None:
        """Hands chunks of unfiltered streams to the owners, a few of each job and to each aggregator at a time."""
        cluster, rules = self._cluster, self._cluster.rules
        if not cluster.situations.passing:
            return
        on_way: Counter[str] = Counter()  # store → chunks on their way there
        for job in cluster.situations.delivering:
            on_way[job.owner.store] += sum(len(track.queue.in_flight) for track in job.passed)
        for job in list(islice(cluster.situations.passing, MAX_PASSING)):
            cluster.situations.passing[job] = cluster.situations.passing.pop(job)  # the next time after all others
            owner = cluster.owner_of(job)
            if owner is None or now < job.no_room.until:
                continue
            count = sum(len(track.queue.in_flight) for track in job.passed)
            room = min(rules.pass_window - count, rules.aggregator_pass_window - on_way[job.owner.store])
            on_way[job.owner.store] += self._pass(job, owner, room, now)

    def _pass(self, job: Job, owner: AggregatorRecord, most: int, now: float) -> int:
        """Passes up to `most` chunks of a job on; returns how many there were."""
        passed = 0
        for track in job.passed:
            while passed < most and (index := track.queue.first()) is not None:
                self._cluster.totals.retries += track.begin_passing(index, now)
                message = Pass(job.id, track.number, index, job.owner.epoch)
                self._cluster.outbox.append(SendChunk(owner.peer, message, job.id, track.stream.number, index))
                passed += 1
        return passed

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    def finish_if_complete(self, job: Job, now: float) -> None:
        if job.owner.finish_sent or not job.owner.holdings_known or not job.all_stored:
            return
        owner = self._cluster.owner_of(job)
        if owner is None:
            return
        assert job.chunk_counts is not None
        job.await_files()
        if job.state is JobState.PENDING:
            self._cluster.set_state(job, JobState.RUNNING)
        counts = [job.chunk_counts[track.stream.number] for track in job.tracks]
        self._cluster.send(owner.peer, Finish(job.id, job.owner.epoch, counts, self._statistics(job, now)))

    def _statistics(self, job: Job, now: float) -> JobStatistics:
        return JobStatistics(
            seconds=now + self._cluster.unix_offset_s - job.request.submitted_unix_s,
            retries=[track.tally.retries for track in job.tracks],
            losses=[track.tally.losses for track in job.tracks],
            latencies_ms=[array("f", track.tally.latencies_ms) for track in job.tracks],
            failures=failures_of(job),
            retried=[[Retried(*one) for one in track.tally.retried.items()] for track in job.tracks],
        )

    def finished(self, record: AggregatorRecord, message: Finished, now: float) -> None:
        job = self._owned(record, message.job, message.owner_epoch)
        if job is None:
            return
        state = next((one for one in FINAL if one.value == message.state), None)
        if state is None:
            raise ProtocolError(ErrorCode.BAD_MESSAGE, f"no final state is called {message.state!r:.80}")
        outputs = zip(message.outputs, job.tracks, strict=False)
        job.result.outputs = shortened_records.summaries(
            [replace(one, retries=track.tally.retries) for one, track in outputs]
        )
        job.result.files = shortened_records.files(message.files)
        job.result.addresses = record.addresses
        self._cluster.set_state(job, state, "" if state is not JobState.FAILED else JobCode.SPLICE_FAILED, message.text)

    def drop(self, job: Job) -> None:
        """Tell a job's owner that the job is over, and that its results are not needed any more."""
        owner = self._cluster.owner_of(job)
        if owner is not None:
            self._cluster.send(owner.peer, Drop(job.id, job.owner.epoch))

    def drop_files(self, job: EndedJob) -> None:
        """Tell the aggregator that has the finished files of a job that they are not needed any more."""
        owner = self._cluster.owner_of(job)
        if owner is not None:
            self._cluster.send(owner.peer, Drop(job.id, job.owner_epoch, files=True))


def counted(frames: int) -> str:
    """Return a number of frames in words."""
    return "1 frame" if frames == 1 else f"{frames} frames"


def _path(track: Track, text: str) -> BuildPath:
    """Return the builds that an aggregator says a track's results are of. Raises ProtocolError when they can't be."""
    try:
        return from_text(text, len(track.chain.steps))
    except ValueError as error:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, f"Holdings of track {track.number}: {error}") from error


def _check_frames(message: Stored) -> None:
    """Raise ProtocolError where a result has more frames that are not as asked than a chunk can have."""
    if max(message.fallback_frames, message.lost_frames, message.damaged_frames) > MAX_CHUNK_FRAMES:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, f"no chunk has more than {MAX_CHUNK_FRAMES} frames")
