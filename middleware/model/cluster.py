"""What the parts of the dispatcher share: the jobs, the fleet, the aggregators, the rules' numbers, and the outbox."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from moviola.base.build_path import extended
from moviola.base.details import StoryLine
from moviola.base.failures import MAX_FAILED_CHUNKS, fault_of
from moviola.base.timeline import JobTimeline
from moviola.base.trouble import MAX_TROUBLE, Trouble
from moviola.base.vocabulary import EventKind, Mode, OnError
from moviola.wire.addresses import Address
from moviola.wire.limits import MAX_FAILED_CHUNK
from moviola.wire.messages import Cause, Error, FailedChunk, Message
from moviola.wire.places import Idlers
from moviola.wire.schema import Lease
from moviola.wire.shortened import shortened
from moviola.wire.timers import Timers

from ..events import (
    Check,
    Close,
    Command,
    ForgetJob,
    FreeChunk,
    FreeStage,
    Log,
    Peer,
    Purpose,
    Recall,
    SaveJob,
    Send,
    SendChunk,
)
from ..job_request import JobRequest
from .announced import sentence
from .catalogue import Catalogue
from .changes import Changes
from .ended_job import EndedJob
from .fleet import Fleet, WorkerRecord
from .job import Job
from .journal import Journal, Subscription, event
from .peers import AggregatorRecord, ClientRecord, StoreRecord
from .room import Room
from .rules import Rules
from .situations import Situations
from .states import JobState
from .stories import Stories
from .task_queue import InFlight, LeaseRecord
from .totals import Totals
from .track import TaskFailures, Track
from .troubles import Troubles
from .uploads import Uploads
from .users import Resource, User, Users


class Cluster:
    """The dispatcher's memory.

    Args:
        epoch: of this middleware's life; leases carry it.
        new_id: makes a job's id from its source's name; random, so it is given from outside.
        new_key: makes a job's key for the tags of its leases; random as well.
        unix_offset_s: unix time minus the monotonic time that events carry.
        journal: tells what happened in this life from what happened in others, also over other stored state.
    """

    def __init__(
        self,
        epoch: int,
        rules: Rules,
        new_id: Callable[[str], str],
        new_key: Callable[[], bytes],
        unix_offset_s: float = 0.0,
        journal: str = "",
    ) -> None:
        self.epoch, self.rules, self.new_id, self.new_key = epoch, rules, new_id, new_key
        self.unix_offset_s = unix_offset_s
        self.fleet = Fleet(rules.credit)
        self.catalogue = Catalogue()
        self.users = Users(rules.quotas, rules.history, rules.admins)
        self.jobs: OrderedDict[str, Job | EndedJob] = OrderedDict()
        self.open: dict[str, Job] = {}  # those that are not over, oldest first
        self.aggregators: dict[Peer, AggregatorRecord] = {}
        self.stores: dict[str, StoreRecord] = {}  # first seen first
        self.clients: dict[Peer, ClientRecord] = {}
        self.idlers = Idlers()  # of the clients
        self.watchers: dict[Peer, ClientRecord] = {}  # those of them that have asked for records
        self.journal = Journal(journal or str(epoch))
        self.subscriptions: dict[Peer, Subscription] = {}
        self.workers: dict[Peer, WorkerRecord] = {}  # those that are connected
        self.outbox: list[Command] = []
        self.room = Room(rules, self.users.total)
        self.changes = Changes()
        self.uploads = Uploads()
        self.stories = Stories()
        self.troubles = Troubles()
        self.frames_of_ended = 0  # computed in this life, of jobs that are over
        self.totals = Totals()
        self.situations = Situations()
        self.looks: Timers[Job] = Timers()  # jobs that are to be looked at again by then, though nothing changes
        self.lease_checks: Timers[Peer] = Timers()  # workers, by when to see whether they are silent or stand still
        self.gone_workers: set[str] = set()  # watchers are to be told once
        self.ended_jobs: list[Job] = []  # became final in this event
        self.orphans: dict[str, float | None] = {}  # previews without a client, and since when they wait for a store

    # ── speaking ─────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, peer: Peer, message: Message) -> None:
        self.outbox.append(Send(peer, message))

    def refuse(self, client: ClientRecord, code: str, text: str, job: str = "") -> None:
        """Says no to a client; its connection lives."""
        self.refuse_peer(client.peer, code, text, job)

    def refuse_peer(self, peer: Peer, code: str, text: str, job: str = "") -> None:
        """Says no to a client that may have gone."""
        if peer in self.clients:
            self.send(peer, Error(code, text, fatal=False, job=job))

    def detach(self, peer: Peer) -> list[Job]:
        """Forget a client that is gone, and return the open jobs that it was attached to."""
        client = self.clients.pop(peer)
        client.user.charge(Resource.CONNECTIONS, -1)
        self.users.let_go(client.user)
        self.watchers.pop(peer, None)
        if self.subscriptions.pop(peer, None) is not None:
            client.user.charge(Resource.SUBSCRIPTIONS, -1)
        self.idlers.forget(peer)
        left = [job for job in map(self.jobs.get, client.jobs) if job is not None and job.client == peer]
        still_open = [job for job in left if isinstance(job, Job)]
        for job in left:
            self.leave(job)
        for job in still_open:  # at once: a client may be sent away while changed jobs are looked at
            self.uploads.look(job, is_sending=False, stands_back=False)
        return still_open

    def leave(self, job: Job | EndedJob) -> None:
        """Detach a job from its client, which has gone. A preview is an orphan from then on."""
        job.detach()
        if job.is_preview:
            self.orphans[job.id] = None

    def hang_up(self, peer: Peer, code: str, text: str) -> None:
        """Closes a client's connection; it may come back at once."""
        self.detach(peer)
        self.outbox.append(Close(peer, code, text))

    def heard_of(self, client: ClientRecord, now: float) -> None:
        """Notes whether a client that said something could be spared."""
        if client.peer in self.clients:
            has_job, looks_on = bool(client.jobs), client.peer in self.watchers or client.peer in self.subscriptions
            self.idlers.heard(client.peer, now, has_job=has_job, looks_on=looks_on)

    def log(self, text: str) -> None:
        self.outbox.append(Log(text))

    def note(self, kind: EventKind, text: str, job: str = "", worker: str = "", **task: Any) -> None:
        """Log something that happened, and add it to the events of the journal, unless it is about a preview.

        Args:
            task: further fields of the event, see `note_task`.
        """
        self.log(text)
        about = self.jobs.get(job)
        told = replace(event(kind, text), job=job, worker=worker, **task)
        if about is None:
            return self.journal.add(told, None)
        if about.is_preview:
            return None
        name = about.name if isinstance(about, Job) else ""
        told = replace(told, name=name, user=about.user.name, state=about.state, code=about.code)
        return self.journal.add(told, about.user.name)

    def note_task(
        self,
        kind: EventKind,
        text: str,
        job: Job,
        track: Track,
        index: int,
        *,
        worker: str = "",
        frames: int | None = None,
    ) -> None:
        """Note something that happened to a task, as `note` does. `frames` is how many frames it is about."""
        output = "" if track.is_passthrough else job.request.outputs[track.number]["name"]
        self.note(kind, text, job.id, worker, output=output, chunk=index, frames=frames)

    def blame(
        self, cause: Cause, now: float, job: Job, track: Track, index: int, worker: str, *, count: int = 1
    ) -> None:
        """Note what went wrong with a task, among the troubles of its job's user."""
        trouble = Trouble(
            unix_s=now + self.unix_offset_s,
            fault=fault_of(cause.kind),
            kind=cause.kind,
            text=shortened(cause.text, MAX_TROUBLE),
            count=count,
            job=job.id,
            output=_name_of(track, job.request.output_names),
            chunk=index,
            filter=cause.filter or "",
            worker=worker,
        )
        self.troubles.add(job.user.name, trouble)

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def save(self, job: Job, *, whole: bool = False) -> None:
        """Write what changes of a job; with `whole` also what was asked for."""
        self.outbox.append(SaveJob(job.id, job.record(), job.request if whole else None))

    def may_touch(self, user: User, job: Job | EndedJob) -> bool:
        """Whether a job is this user's to see and to control."""
        return job.user is user or user.is_admin

    def listed_jobs(self) -> Iterator[Job | EndedJob]:
        """Yield the jobs that are told of to whoever asks for all: not those that are for their clients alone."""
        return (job for job in self.jobs.values() if not job.is_preview)

    def open_job(self, job: Job) -> None:
        """Add a job that is not over: it is new, comes from the ledger, or begins again after it had ended."""
        if (ended := job.user.ended.pop(job.id, None)) is not None:
            self._count_ended(ended, -1)
        self.jobs[job.id] = self.open[job.id] = job.user.open[job.id] = job
        job.user.charge(Resource.OPEN_JOBS, 1)
        job.user.charge(Resource.LEDGER_BYTES, job.ledger_bytes)
        if job.is_preview:
            self.orphans[job.id] = None  # until a client is attached

    def close_job(self, job: Job) -> None:
        """Take a job that has become final out of the open ones. What it held is still to be given back."""
        del self.open[job.id], job.user.open[job.id]
        job.user.charge(Resource.OPEN_JOBS, -1)
        job.user.charge(Resource.LEDGER_BYTES, -job.ledger_bytes)

    def remember(self, job: EndedJob) -> None:
        """Add a job that is over to the history."""
        self.jobs[job.id] = job.user.ended[job.id] = job
        self._count_ended(job, 1)
        if job.is_preview and job.client is None:
            self.orphans[job.id] = None

    def recall(self, job: EndedJob, purpose: Purpose, peer: Peer) -> None:
        """Look up in the ledger what an ended job came to."""
        self.outbox.append(Recall(job.id, purpose, peer))

    def forget(self, job: EndedJob) -> None:
        """Remove an ended job from the history and from the ledger."""
        del self.jobs[job.id], job.user.ended[job.id]
        self._count_ended(job, -1)
        self.users.let_go(job.user)
        self.outbox.append(ForgetJob(job.id))

    @staticmethod
    def _count_ended(job: EndedJob, amount: int) -> None:
        """Count an ended job among those that the history has room for; a preview takes no other job's place there."""
        if not job.is_preview:
            job.user.charge(Resource.ENDED_JOBS, amount)

    def resume_source(self, job: Job, request: JobRequest) -> Job:
        """Give a job its source again, which was not kept when the job ended and has now been submitted again. Return
        the job."""
        before = job.ledger_bytes
        job.take_source(request)
        job.user.charge(Resource.LEDGER_BYTES, job.ledger_bytes - before)
        return job

    def describe_source(self, job: Job, request: JobRequest) -> None:
        """Describe a job's source anew, because more is known of it by now. Chunks and tasks stay as they are."""
        before = job.ledger_bytes
        job.describe_source(request)
        job.user.charge(Resource.LEDGER_BYTES, job.ledger_bytes - before)

    def set_state(self, job: Job, state: JobState, code: str = "", reason: str = "") -> None:
        """Changes a job's state and tells everyone whom it concerns."""
        if job.set_state(state, code, reason):
            if job.is_final:
                self.ended_jobs.append(job)
            kind = job.announced.change(state, code)
            if kind is not None:
                self.note(kind, sentence(job.id, kind, reason), job.id)

    def let_go(self, job: Job) -> None:
        """A job has ended: it is in no situation any more."""
        self.frames_of_ended += job.frames_computed
        self.situations.leave(job)
        self.stories.forget(job.id)
        self.uploads.look(job, is_sending=False, stands_back=False)
        self.looks.set(job, None)

    def look_again(self, job: Job, at: float) -> None:
        """Look at a job at that time, or before, even if nothing changes."""
        due = self.looks.due(job)
        if due is None or at < due:
            self.looks.set(job, at)

    def touch_concerned(self) -> None:
        """Look again at all jobs that workers who came or went may concern: those of which nothing is in work, for what
        they wait for, and those that are being sent, for whether they stand back behind others."""
        for job in self.open.values():
            if job not in self.situations.in_work:
                job.worked_at = float("-inf")  # say at once what it waits for: that may be more than its turn
                self.changes.touch(job)
        for job in self.uploads.jobs:
            self.changes.touch(job)

    def owner_of(self, job: Job | EndedJob) -> AggregatorRecord | None:
        """The connected aggregator that owns a job, or has the files of one that is over."""
        store = job.owner if isinstance(job, EndedJob) else job.owner.store
        return next((one for one in self.aggregators.values() if one.store == store), None)

    def addresses_of(self, store: str) -> list[Address]:
        """Return where a store is reached, if it is connected."""
        return next((one.addresses for one in self.aggregators.values() if one.store == store), [])

    def keep_failed(self, job: Job, track: Track, index: int) -> None:
        """Send a chunk that failed to the job's owner, which keeps it as a file that people can look at. Large chunks,
        and more than MAX_FAILED_CHUNKS of a job, are not kept."""
        owner, key = self.owner_of(job), (track.number, index)
        if owner is None or index not in track.stream.here or key in job.kept_failed:
            return
        if len(job.kept_failed) < MAX_FAILED_CHUNKS and track.stream.size_of(index) <= MAX_FAILED_CHUNK:
            job.kept_failed.add(key)
            message = FailedChunk(job.id, track.number, index, job.owner.epoch)
            self.outbox.append(SendChunk(owner.peer, message, job.id, track.stream.number, index))

    # ── payloads that are not what they were ─────────────────────────────────────────────────────────────────────

    def check(self, job: Job, track: Track, index: int, *, is_stage: bool = False, lease: Lease | None = None) -> None:
        """Have the spool's copy of a payload that arrived damaged checked, if the payload is still needed."""
        if not job.is_final and (index in track.intermediates if is_stage else index in track.stream.here):
            self.outbox.append(Check(job.id, track.number, track.stream.number, index, is_stage, lease))

    def lose_chunk(self, job: Job, stream: int, index: int, now: float) -> None:
        """Give up a chunk that is gone from the spool, with what was begun of its tasks. It is asked for again if one
        of its tasks is not stored."""
        if job.is_final or index not in job.streams[stream].here:
            return
        job.give_up(stream, index)
        self.outbox.append(FreeChunk(job.id, stream, index))
        for track in job.tracks:
            if track.stream.number == stream:
                self.free_intermediate(job, track, index)  # it may hold the very room that the chunk needs
        text = f"chunk {index} of stream {stream} of job {job.id} is damaged in the spool or gone from it"
        self.note(EventKind.CHUNK_LOST, text, job.id)
        if job.owner.holdings_known:
            self.ask_again(job, now)

    def ask_again(self, job: Job, now: float) -> None:
        """Tell the client of a job which of the chunks that were given up are needed again, if there are any."""
        if job.miss_freed():
            job.ask_anew(now)
            self.note(EventKind.SOURCE_NEEDED, f"job {job.id} needs chunks again that were given up", job.id)

    # ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────

    def exhausted(self, track: Track, past: TaskFailures) -> bool:
        """Return True if a task has failed `max_failures` times, and on two workers if there are two that can do it."""
        if len(past.failures) < self.rules.max_failures:
            return False
        count = len(track.chain.steps)
        others = frozenset(one for one in self.fleet.fingerprints if not track.takes(extended((), one, count)))
        return len(past.failed_on) >= min(2, sum(1 for _ in self.fleet.able(track.needs, others)))

    def mode_of(self, job: Job, track: Track, index: int) -> str:
        """How a task is done: with its filters, until it has failed too often."""
        past = track.task_failures.get(index)
        if past is None or not self.exhausted(track, past):
            return Mode.FILTER
        return Mode.DROP if job.on_error == OnError.DROP else Mode.BYPASS

    def excluded(self, job: Job) -> set[str]:
        """Workers that failed too many tasks of a job."""
        return {name for name, count in job.excluded.items() if count >= self.rules.exclude_after}

    @property
    def staged_bytes(self) -> int:
        """What lies in the spool between two workers."""
        return self.users.total[Resource.STAGED_BYTES]

    def free_intermediate(self, job: Job, track: Track, index: int) -> None:
        """Free what is done of a task's chain, if there is any: it is not needed any more."""
        if track.drop_begun(index):
            self.outbox.append(FreeStage(job.id, track.number, index))

    def tell(self, job: Job, track: Track, index: int, text: str, now: float, *, trouble: bool = False) -> None:
        """Add a line to the story of a task; with `trouble` it is kept as long as the job goes on."""
        if trouble:
            self.stories.keep(job.id, track.number, index)
        self.stories.tell(now, job.id, track.number, index, text)

    def story(self, job: Job | EndedJob, index: int | None, names: list[str]) -> list[StoryLine]:
        """Return what happened to the tasks of a chunk, or of all, see `Stories.told`. `names` are those of the
        outputs."""
        told = self.stories.told(job.id, index, names, self.unix_offset_s)
        if isinstance(job, Job) and index is not None:
            now = (f"now it is {track.queue.state_of(index).value}" for track in job.tracks)
            tracks = zip(job.tracks, now, strict=True)
            told += [StoryLine(0.0, _name_of(track, names), text) for track, text in tracks]
        return told

    def timeline(self, job: Job, now: float) -> JobTimeline:
        """Return who did which tasks of a job that goes on, and when."""
        return job.told_timeline(job.request.submitted_unix_s - self.unix_offset_s, now)

    def describe(self, record: LeaseRecord) -> str:
        job = self.open.get(record.job)
        output = job.request.outputs[record.track]["name"] if job else record.track
        return f"chunk {record.index} of {output} (job {record.job})"

    @staticmethod
    def describe_task(job: Job, track: Track, index: int) -> str:
        """Name a task for people, of a passthrough stream as well."""
        of = f"stream {track.stream.number}" if track.is_passthrough else job.request.outputs[track.number]["name"]
        return f"chunk {index} of {of} (job {job.id})"

    def flight(self, job: str, track: int, index: int) -> tuple[Track, InFlight] | None:
        """A task in flight."""
        found = self.open.get(job)
        if found is None or track >= len(found.tracks):
            return None
        flight = found.tracks[track].queue.in_flight.get(index)
        return (found.tracks[track], flight) if flight is not None else None

    def validate(self) -> None:
        """Proves that the indexes agree with each other; for tests and the simulation."""
        self.journal.validate()
        assert self.subscriptions.keys() <= self.clients.keys()
        self.fleet.validate()
        self.catalogue.validate()
        self.users.validate()
        self.uploads.validate()
        held = {
            (record.lease, record.job, record.track, record.index)
            for worker in self.fleet.by_name.values()
            for record in worker.held.values()
            if not record.revoked
        }
        flying = set()
        for job in self.open.values():
            job.validate()
            for track in job.tracks:
                for index, flight in track.queue.in_flight.items():
                    flying |= {(lease, job.id, track.number, index) for lease in flight.leases}
        assert held == flying, f"leases held {held - flying}, leases in flight {flying - held}"
        assert set(self.open) == {job.id for job in self.jobs.values() if isinstance(job, Job)}
        for job in self.open.values():
            if job not in self.changes.touched:
                is_sending = job.client is not None and not job.all_sent
                assert (job in self.uploads.jobs) == is_sending, f"job {job.id} is not where it belongs"
                self.situations.validate(job)


def _name_of(track: Track, names: list[str]) -> str:
    return names[track.number] if track.number < len(names) else f"stream {track.stream.number}"
