"""The records that clients and watchers get, and when: at once, or a few a second."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from itertools import islice
from typing import Final

from moviola.base.details import Details
from moviola.base.failures import MAX_FAILURES_OF_JOB, Failure, fault_of
from moviola.base.progress import Progress
from moviola.base.texts import MAX_NAME
from moviola.base.timeline import JobTimeline
from moviola.base.vocabulary import Fault, Topic
from moviola.wire.messages import Event, Filters, Message
from moviola.wire.messages import Job as JobMessage
from moviola.wire.messages import Worker as WorkerMessage
from moviola.wire.shortened import fitted_record, shortened, shortened_end
from moviola.wire.windows import heads, windows

from .events import Peer, Purpose, Recall
from .job_record import JobRecord
from .job_request import JobRequest
from .model.cluster import Cluster
from .model.ended_job import EndedJob
from .model.fleet import WorkerRecord
from .model.job import Job
from .model.peers import Asked, ClientRecord
from .model.states import WorkerState
from .model.uploads import room_for
from .model.users import Resource
from .overview import Overviews, jobs_in_order, workers_in_order
from .shortened_records import MAX_DETAILS_SIZE, MAX_REASON

CLIENT_INTERVAL_S: Final = 0.1
"""How often the client of a job hears of progress: a bar that moves smoothly."""

PROGRESS_PER_CLIENT: Final = 16
"""Jobs of one client whose progress is told each time: 160 records a second, of some 20 µs each."""

ROOMS_PER_TURN: Final = 32
"""Uploads whose share of the room is looked at in a turn: about 0.1 ms of work."""

MAX_EXPLANATION: Final = 4000
"""Characters of a failure's text, and of its traceback's end, so that the history stays small."""

WATCHER_INTERVAL_S: Final = 0.5
"""How often watchers hear of a job or a worker."""

RECORDS_PER_TURN: Final = 256
"""Records that all watchers are told at once: about 20 ms of work, however many ask for how much. What waits is names,
not records."""

SERVE_INTERVAL_S: Final = 0.1
"""If RECORDS_PER_TURN were not enough, how long it takes until watchers are told more."""

DETAILS_COST: Final = 16
"""A record with the details of a job counts as so many of RECORDS_PER_TURN, because it may be 160 KB."""


def job_record(
    cluster: Cluster,
    job: Job,
    now: float,
    send_window_bytes: int = 0,
    *,
    with_have: bool = False,
    details: Details | None = None,
) -> JobMessage:
    """Return the record of a job that goes on, or has just ended."""
    return JobMessage(
        job=job.id,
        name=shortened(job.name, MAX_NAME),
        state=job.state.value,
        code=job.code,
        reason=shortened(job.reason, MAX_REASON),
        accepted=job.upload.accepted,
        send_window_bytes=send_window_bytes,
        have=heads(job.received()) if with_have else None,
        progress=progress_of(job),
        outputs=job.result.outputs,
        files=job.result.files,
        addresses=cluster.addresses_of(job.owner.store) or job.result.addresses,
        submitted_unix_s=job.request.submitted_unix_s,
        seconds=job.result.seconds,
        priority=job.request.priority,
        user=job.user.name,
        details=details or Details(),
        frames_per_s=job.rate.per_s(now),
    )


def ended_record(
    cluster: Cluster, job: EndedJob, request: JobRequest, record: JobRecord, *, with_details: bool
) -> JobMessage:
    """Return the record of a job that is over, of what the ledger has of it."""
    return JobMessage(
        job=job.id,
        name=shortened(request.name, MAX_NAME),
        state=job.state.value,
        code=record.code,
        reason=shortened(record.reason, MAX_REASON),
        progress=record.final,
        outputs=record.outputs_summary,
        files=record.files,
        addresses=cluster.addresses_of(job.owner) or record.addresses,
        submitted_unix_s=request.submitted_unix_s,
        seconds=record.seconds,
        priority=request.priority,
        user=job.user.name,
        details=_details(request, record.owner_name, record.failures) if with_details else Details(),
    )


def tell_ended(cluster: Cluster, job: EndedJob, request: JobRequest, record: JobRecord, recall: Recall) -> None:
    """Send the record of a job that is over to whoever it was looked up for, if that is still there."""
    if recall.peer not in cluster.clients:
        return
    with_details = recall.purpose in (Purpose.END, Purpose.DETAILS)
    message = ended_record(cluster, job, request, record, with_details=with_details)
    client = cluster.clients[recall.peer]
    if with_details and job.id in client.asked_stories:
        story = cluster.story(job, client.asked_stories.pop(job.id), request.output_names)
        message = replace(message, details=replace(message.details, story=story))
    if with_details and job.id in client.asked_timelines:
        client.asked_timelines.discard(job.id)
        message = replace(message, details=replace(message.details, timeline=record.timeline or JobTimeline()))
    if recall.purpose is Purpose.REPLY:
        streams = request.stream_count + bool(request.assets)
        message = replace(message, have=[b""] * streams)
    cluster.send(recall.peer, message)


def tell_client(cluster: Cluster, peer: Peer, job: Job, now: float, *, with_have: bool) -> None:
    """Send the record of a job to its own client. With `with_have`, which of its chunks are here is sent before it."""
    if with_have:
        for window in windows(job.id, 0, job.received()):
            cluster.send(peer, window)
    cluster.send(peer, job_record(cluster, job, now, job.upload.told_window_bytes, with_have=with_have))


def details_of(job: Job) -> Details:
    """Return what a person wants to know who looks at one job: what was asked for, and what failed."""
    return _details(job.request, job.owner.name, failures_of(job))


def _details(request: JobRequest, owner_name: str, failures: list[Failure]) -> Details:
    details = Details(request.requested, request.policy.on_error, owner_name, failures)
    return fitted_record(details, MAX_DETAILS_SIZE)


def failures_of(job: Job) -> list[Failure]:
    """The first attributed failures, each with its chunk's frames and with what the worker told of its cause."""
    found = (
        Failure(
            job=job.id,
            output=job.request.outputs[track.number]["name"],
            chunk=index,
            frames=_frames_of(job, index),
            frame=cause.frame,
            filter=cause.filter or "",
            worker=worker,
            failure_type="job_failure" if fault_of(cause.kind) is Fault.FILTER else "worker_failure",
            failure_reason=cause.kind,
            explanation=shortened(cause.text, MAX_EXPLANATION),
            traceback=shortened_end(cause.traceback or "", MAX_EXPLANATION),
        )
        for track in job.tracks
        for index, past in sorted(track.task_failures.items())
        for worker, cause in past.failures
    )
    return list(islice(found, MAX_FAILURES_OF_JOB))


def _frames_of(job: Job, index: int) -> list[int]:
    """The first and the last source frame of a chunk; nothing where an earlier chunk has not come."""
    first = job.streams[0].first_frame_of(index) if job.streams else None
    return [] if first is None else [first, first + job.streams[0].frames_of(index) - 1]


def progress_of(job: Job) -> Progress:
    """Return how far a job is."""
    counts = job.chunk_counts
    filtered = job.filtered
    frames_total = job.frames_sent if job.all_sent else None
    stored = retries = duplicates = fallback_frames = lost_frames = 0
    for track in job.tracks:
        tally = track.tally
        stored += track.queue.stored.count
        retries += tally.retries
        duplicates += tally.duplicates
        fallback_frames += tally.fallback_frames
        lost_frames += tally.lost_frames
    done = queued = in_flight = 0
    for track in filtered:
        queue = track.queue
        done += queue.stored_frames + queue.live_frames()
        if not job.is_final:  # of an ended one nobody will ever do what is left
            queued += queue.count
            in_flight += len(queue.in_flight)
    return Progress(
        kind=job.request.kind,
        outputs=job.request.output_names,
        frames_total=frames_total,
        frames_sent=job.frames_sent,
        frames_done=done,
        frames_wanted=None if frames_total is None else frames_total * len(filtered),
        chunks_sent=sum(map(len, job.streams)),
        chunks_total=None if counts is None else sum(counts),
        tasks_stored=stored,
        tasks_total=None if counts is None else sum(counts[track.stream.number] for track in job.tracks),
        tasks_queued=queued,
        tasks_in_flight=in_flight,
        retries=retries,
        duplicates=duplicates,
        fallback_frames=fallback_frames,
        lost_frames=lost_frames,
    )


class Publisher:
    """The part of the dispatcher that keeps clients and watchers informed. A client that is behind with reading is
    passed over, and gets the newest state later: names of records wait for it, not the records."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._overviews = Overviews(cluster, WATCHER_INTERVAL_S)
        self._clients_told_at = self._watchers_told_at = 0.0
        self._serve_at = 0.0  # when watchers are told the next records
        self._served = 0  # watchers, ever: where the next turn begins
        self._room_seen: tuple[int, ...] = ()  # what the room that jobs get depends on, when it was looked at last
        self._rooms_to_look_at = 0  # jobs whose room was not looked at since that changed

    def next_deadline(self) -> float | None:
        """Return when something is to be told; None while nothing is."""
        cluster = self._cluster
        waiting = [self._due_at(one) for one in cluster.watchers.values() if not one.is_behind]
        first = min((at for at in waiting if at is not None), default=None)
        if first is not None:
            return max(first, self._serve_at)
        if any(Topic.WORKERS in client.topics or client.untold_jobs for client in cluster.watchers.values()):
            return self._watchers_told_at + WATCHER_INTERVAL_S
        return self._clients_told_at + CLIENT_INTERVAL_S if cluster.changes.later else None

    def publish(self, now: float, behind: Set[Peer] = frozenset()) -> Set[str]:
        """Tell clients and watchers that are not `behind` with reading what is due. Return the ids of the jobs that it
        was about: they have changed."""
        changes = self._cluster.changes
        self._notice_room()
        is_urgent = changes.now or changes.acknowledged or changes.missed
        if not is_urgent and not self._cluster.watchers and now < self._clients_told_at + CLIENT_INTERVAL_S:
            self._cluster.gone_workers.clear()
            return frozenset()
        news = changes.now | changes.acknowledged | changes.missed
        if now >= self._clients_told_at + CLIENT_INTERVAL_S and changes.later:
            self._clients_told_at = now
            news |= self._take_progress()
        later = {job_id: None for job_id in news if not self._tell_client_of(job_id, behind, now)}
        self._tell_watchers(news.keys(), behind, now)
        changes.now.clear()
        changes.acknowledged = later
        changes.missed = {job_id: None for job_id in changes.missed if job_id in later}
        return news.keys()

    def _take_progress(self) -> dict[str, None]:
        """Return the jobs whose progress is told now: of each client the first few that changed, so that one with a
        thousand jobs costs no more than one with a few. The others are told the next time."""
        later, told = self._cluster.changes.later, dict[str, None]()
        for client, waiting in list(later.items()):
            for job_id in list(islice(waiting, None if client is None else PROGRESS_PER_CLIENT)):
                del waiting[job_id]
                told[job_id] = None
            if not waiting:
                del later[client]
        return told

    def _tell_client_of(self, job_id: str, behind: Set[Peer], now: float) -> bool:
        """Tell a job's client of it; False where that is behind with reading."""
        cluster = self._cluster
        job = cluster.jobs.get(job_id)
        if job is None or job.client is None:
            return True
        if job.client in behind:
            return False
        if isinstance(job, EndedJob):
            cluster.recall(job, Purpose.END, job.client)
            return True
        job.upload.told_window_bytes = room_for(cluster, job)
        tell_client(cluster, job.client, job, now, with_have=job_id in cluster.changes.missed)
        return True

    def _notice_room(self) -> None:
        """Tell clients that ran out of room when there is some again. Whenever the room, or who shares it, has changed,
        all uploads are looked at, a few of them in each turn."""
        cluster, total = self._cluster, self._cluster.users.total
        if not cluster.uploads.jobs:
            return
        seen = (cluster.room.free_bytes, cluster.uploads.version, total[Resource.SPOOL_BYTES], total[Resource.CHUNKS])
        if seen != self._room_seen:
            self._room_seen, self._rooms_to_look_at = seen, len(cluster.uploads.jobs)
        count = min(self._rooms_to_look_at, ROOMS_PER_TURN)
        self._rooms_to_look_at -= count
        for job in list(islice(cluster.uploads.jobs, count)):
            cluster.uploads.rotate(job)
            if job.upload.told_window_bytes < cluster.rules.client_window_bytes:
                room = room_for(cluster, job)
                if room > 2 * job.upload.told_window_bytes:
                    job.offer_room()

    def _tell_watchers(self, news: Set[str], behind: Set[Peer], now: float) -> None:
        cluster = self._cluster
        due = now >= self._watchers_told_at + WATCHER_INTERVAL_S
        if due:
            self._watchers_told_at = now
        for client in cluster.watchers.values():
            client.is_behind = client.peer in behind
            client.untold_jobs |= {job_id for job_id in news if self._watches(client, job_id)}
            client.untold_jobs &= cluster.jobs.keys()
            if not client.is_behind:
                told = client.untold_jobs if due else client.untold_jobs & cluster.changes.now.keys()
                client.untold_jobs = client.untold_jobs - told
                client.asked |= dict.fromkeys((Asked.JOB, job_id) for job_id in sorted(told))
            if Topic.WORKERS in client.topics - client.asked_topics:
                self._ask_for_workers(client, due)
        cluster.gone_workers.clear()
        self._serve(now)

    def _serve(self, now: float) -> None:
        """Send watchers the records that wait for them: as many as fit in a turn, an equal share to each."""
        if now < self._serve_at:
            return
        watchers = [one for one in self._cluster.watchers.values() if not one.is_behind]
        asking = [one for one in watchers if (at := self._due_at(one)) is not None and at <= now]
        first = self._served % len(asking) if asking else 0
        each, left = RECORDS_PER_TURN // max(len(asking), 1), RECORDS_PER_TURN
        for client in [*asking[first:], *asking[:first]]:
            if left <= 0:
                break
            left -= self._serve_one(client, max(each, 1), now)
            self._served += 1
        if left <= 0:
            self._serve_at = now + SERVE_INTERVAL_S

    @staticmethod
    def _due_at(client: ClientRecord) -> float | None:
        """When a client is to be told something; None when there is nothing."""
        if client.asked:
            return 0.0
        return client.asks_next_at if client.asked_topics or client.asked_jobs else None

    def _serve_one(self, client: ClientRecord, most: int, now: float) -> int:
        """Tells a client up to `most` records; returns how many it was. One with details counts as many."""
        told = 0
        while told < most:
            self._take_questions(client, now)
            if not client.asked:
                break
            kind, name = next(iter(client.asked))
            del client.asked[kind, name]
            message = self._record(client, kind, name, now)
            if kind is Asked.DETAILS:
                client.asked.pop((Asked.JOB, name), None)  # told by this
            if message is not None:
                self._cluster.send(client.peer, message)
            told += DETAILS_COST if kind is Asked.DETAILS else 1
        return told

    def _take_questions(self, client: ClientRecord, now: float) -> None:
        """Queue the names of all records that a client has asked for, if that is due and what it asked for before has
        been told. They get their places behind the news that wait, of which there may always be some. What it asks for
        from now on comes after these, and a little later."""
        is_answered = (Asked.CURRENT, "") not in client.asked
        if client.asks_next_at > now or not is_answered or not (client.asked_topics or client.asked_jobs):
            return
        client.asks_next_at = now + WATCHER_INTERVAL_S
        cluster, topics, jobs = self._cluster, client.asked_topics, client.asked_jobs
        client.asked_topics, client.asked_jobs = set(), {}
        client.asked |= dict.fromkeys((Asked.DETAILS, job_id) for job_id in jobs)
        if Topic.JOBS in topics:
            client.asked |= dict.fromkeys((Asked.JOB, job.id) for job in cluster.listed_jobs())
        if Topic.WORKERS in topics:
            client.introduced.clear()
            client.asked |= {(Asked.AGGREGATOR, one.store): None for one in cluster.aggregators.values()}
            client.asked |= dict.fromkeys((Asked.WORKER, name) for name in cluster.fleet.by_name)
        if Topic.OVERVIEW in topics:
            limit = client.asked_limit
            client.asked[Asked.OVERVIEW, ""] = None
            client.asked |= {(Asked.AGGREGATOR, one.store): None for one in cluster.aggregators.values()}
            client.asked |= dict.fromkeys((Asked.WORKER, name) for name in islice(workers_in_order(cluster), limit))
            jobs_told = islice(jobs_in_order(cluster, client.user), limit)
            client.asked |= dict.fromkeys((Asked.JOB, job_id) for job_id in jobs_told)
        if Topic.FILTERS in topics:
            client.asked[Asked.FILTERS, ""] = None
        if topics:
            client.asked[Asked.CURRENT, ""] = None

    def _record(self, client: ClientRecord, kind: Asked, name: str, now: float) -> Message | None:
        """The record of that name as it is now; None when there is none any more."""
        cluster = self._cluster
        if kind is Asked.WORKER:
            worker = cluster.fleet.by_name.get(name)
            return None if worker is None else _worker_record(client, worker, now)
        if kind is Asked.OVERVIEW:
            return self._overviews.of(client.user, now)
        if kind is Asked.AGGREGATOR:
            found = next((one for one in cluster.aggregators.values() if one.store == name), None)
            return None if found is None else found.message()
        if kind is Asked.FILTERS:
            return Filters(cluster.catalogue.schemas)
        if kind is Asked.CURRENT:
            return Event("current", "these are the current records", unix_s=now + cluster.unix_offset_s)
        job = cluster.jobs.get(name)
        if job is None or not cluster.may_touch(client.user, job):
            return None
        if isinstance(job, EndedJob):
            cluster.recall(job, Purpose.DETAILS if kind is Asked.DETAILS else Purpose.WATCH, client.peer)
            return None
        return job_record(cluster, job, now, details=self._details(client, job, now) if kind is Asked.DETAILS else None)

    def _details(self, client: ClientRecord, job: Job, now: float) -> Details:
        details = details_of(job)
        if job.id in client.asked_stories:
            story = self._cluster.story(job, client.asked_stories.pop(job.id), job.request.output_names)
            details = replace(details, story=story)
        if job.id in client.asked_timelines:
            client.asked_timelines.discard(job.id)
            details = replace(details, timeline=self._cluster.timeline(job, now))
        return details

    def _watches(self, client: ClientRecord, job_id: str) -> bool:
        job = self._cluster.jobs.get(job_id)
        if job is None or job.client == client.peer:
            return False
        if job_id not in client.watched_jobs and (job.is_preview or Topic.JOBS not in client.topics):
            return False
        return self._cluster.may_touch(client.user, job)

    def _ask_for_workers(self, client: ClientRecord, due: bool) -> None:
        fleet = self._cluster.fleet
        client.untold_losses |= self._cluster.gone_workers
        client.untold_losses &= fleet.by_name.keys()
        if due and not client.is_behind:
            workers = fleet.by_name.values()
            there = [one for one in workers if one.state is not WorkerState.LOST or one.name in client.untold_losses]
            client.asked |= dict.fromkeys((Asked.WORKER, one.name) for one in there)
            client.introduced &= {one.session for one in there}
            client.untold_losses.clear()


def _worker_record(client: ClientRecord, worker: WorkerRecord, now: float) -> WorkerMessage:
    """Return a worker's record for a client. The schemas of its filters, the largest part by far, are in it only if the
    client watches workers and this is its first record of the worker's session."""
    facts = worker.facts(now)
    if Topic.WORKERS in client.topics and worker.session not in client.introduced:
        facts = replace(facts, schemas=worker.details.filters)
        client.introduced.add(worker.session)
    return WorkerMessage(worker.name, worker.session, worker.state.value, facts)
