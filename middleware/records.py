"""The records that clients and watchers get, and when: at once, or a few a second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from base.failures import MAX_FAILURES_OF_JOB
from middleware.cluster import Asked, ClientRecord, Cluster
from middleware.events import Peer
from middleware.fleet import WorkerRecord
from middleware.jobs import Job
from middleware.stages import uncovered
from middleware.states import JobState, WorkerState
from middleware.told import MAX_DETAILS_SIZE, MAX_REASON
from middleware.users import Resource, User
from wire.bitmap import Bitmap
from wire.limits import MAX_NAME
from wire.messages import Aggregator, Event, Filters, Message
from wire.messages import Job as JobMessage
from wire.messages import Worker as WorkerMessage
from wire.shortened import fitted, shortened, shortened_end
from wire.windows import heads, windows

CLIENT_INTERVAL_S: Final = 0.1
"""How often the client of a job hears of progress: a bar that moves smoothly."""

MAX_EXPLANATION: Final = 4000
"""Characters of a failure's text, and of its traceback's end, so that the history stays small."""

WATCHER_INTERVAL_S: Final = 0.5
"""How often watchers hear of a job or a worker."""

RECORDS_PER_TURN: Final = 256
"""Records that all watchers are told at once: about 20 ms of work, however many ask for how much. What waits is names,
not records."""

SERVE_INTERVAL_S: Final = 0.1
"""… and when that was not enough, how long until they are told more."""

DETAILS_COST: Final = 16
"""… of which one with the details of a job counts for so many: it may be 160 KB."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How room is shared: among the users who send something, and each one's part among the jobs that it sends."""

    room: Counter[User]  # jobs of each user that are being sent and get room now
    spool: Counter[User]  # jobs of each user that are being sent
    spool_bytes: int
    back: frozenset[str]  # the jobs that get no room for now

    def of_user(self, user: User) -> int:
        """Return the bytes of the spool that a user may hold."""
        return self.spool_bytes // (len(self.spool) or 1)

    def of_spool(self, job: Job) -> int:
        """Return the bytes that a job may hold."""
        return self.of_user(job.user) // (self.spool[job.user] or 1)


def shares(cluster: Cluster) -> Shares:
    """Go through all open jobs: who asks for many of them asks once."""
    uploading = [one for one in cluster.open.values() if one.client is not None and not one.all_sent]
    back = _who_stands_back(cluster, uploading)
    room = Counter(one.user for one in uploading if one.id not in back)
    return Shares(room, Counter(one.user for one in uploading), cluster.spool_bytes, back)


def _who_stands_back(cluster: Cluster, uploading: list[Job]) -> frozenset[str]:
    """Where room is scarce, jobs that are paused or that nobody can do stand back behind the others: what they hold
    comes free when their time is over only, and they would take it again at once."""
    if not cluster.is_scarce:
        return frozenset()
    back = frozenset(job.id for job in uploading if job.state is JobState.PAUSED or uncovered(cluster, job) is not None)
    return back if len(back) < len(uploading) else frozenset()


def room_for(cluster: Cluster, job: Job, share: Shares | None = None) -> int:
    """Payload bytes the client of a job may have on their way: a part of the room, within its user's and its own share
    of the whole spool, and never more than a window. What is freed would otherwise go to those who hold much already
    and get nothing done, until others have nothing."""
    share, user = share or shares(cluster), job.user
    if job.id in share.back or cluster.users.refusal(user, Resource.CHUNKS):
        return 0
    of_room = cluster.room_of(user) // (len(share.room) or 1) // (share.room[user] or 1)
    left_of_user = share.of_user(user) - user.held[Resource.SPOOL_BYTES]
    left_of_job = share.of_spool(job) - job.spooled_bytes
    return max(0, min(cluster.rules.client_window_bytes, of_room, left_of_user, left_of_job))


def job_record(
    job: Job, room_bytes: int = 0, *, with_have: bool = False, details: dict[str, Any] | None = None
) -> JobMessage:
    return JobMessage(
        job=job.id,
        name=shortened(job.name, MAX_NAME),
        state=job.state.value,
        code=job.code,
        reason=shortened(job.reason, MAX_REASON),
        accepted=job.accepted,
        room_bytes=room_bytes,
        have=heads(received_of(job)) if with_have else None,
        progress=job.final or progress_of(job),
        outputs=job.outputs_summary,
        files=job.files,
        addresses=job.addresses,
        submitted_unix_s=job.submitted_unix_s,
        seconds=job.seconds,
        priority=job.priority,
        user=job.user.name,
        details=details or {},
    )


def received_of(job: Job) -> list[Bitmap]:
    """Return which chunks a client need not send, a bitmap a stream."""
    return [job.received(stream) for stream in range(len(job.have))]


def tell_client(
    cluster: Cluster, peer: Peer, job: Job, *, with_have: bool, details: dict[str, Any] | None = None
) -> None:
    """Sends the record of a job to its own client, what is there of its chunks in front."""
    if with_have:
        for window in windows(job.id, 0, received_of(job)):
            cluster.send(peer, window)
    cluster.send(peer, job_record(job, job.told_room_bytes, with_have=with_have, details=details))


def details_of(job: Job) -> dict[str, Any]:
    """What a person asks who looks at one job: the wishes and the failures."""
    outputs = job.fixed["outputs"]
    details = {
        "outputs": [{name: output.get(name) for name in ("name", "chain", "codec", "crf")} for output in outputs],
        "on_error": job.fixed["policy"].get("on_error", ""),
        "aggregator": job.owner_name,
        "failures": job.failures or failures_of(job),
    }
    return fitted(details, MAX_DETAILS_SIZE)


def failures_of(job: Job) -> list[dict[str, Any]]:
    """The first attributed failures, each with its chunk's frames and with what the worker told of its cause."""
    found = (
        {
            "output": job.fixed["outputs"][track.number]["name"],
            "chunk": index,
            "frames": _frames_of(job, index),
            "frame": failure.get("frame"),
            "filter": shortened(str(failure.get("filter") or ""), MAX_NAME),
            "worker": failure["worker"],
            "failure_type": "job_failure" if failure.get("kind") == "exception" else "worker_failure",
            "failure_reason": shortened(str(failure.get("kind", "")), MAX_NAME),
            "explanation": shortened(str(failure.get("text", "")), MAX_EXPLANATION),
            "traceback": shortened_end(str(failure.get("traceback") or ""), MAX_EXPLANATION),
        }
        for track in job.tracks
        for index, trouble in sorted(track.troubles.items())
        for failure in trouble.failures
    )
    return list(islice(found, MAX_FAILURES_OF_JOB))


def _frames_of(job: Job, index: int) -> list[int]:
    """The first and the last source frame of a chunk; nothing where an earlier chunk has not come."""
    counts = job.frame_counts[0]
    if any(earlier not in counts for earlier in range(index + 1)):
        return []
    first = sum(counts[earlier] for earlier in range(index))
    return [first, first + counts[index] - 1]


def progress_of(job: Job) -> dict[str, Any]:
    counts = job.chunk_counts
    filtered = [track for track in job.tracks if not track.is_passthrough]
    frames_total = job.frames_sent if job.all_sent else None
    return {
        "kind": job.kind,
        "outputs": [output["name"] for output in job.fixed["outputs"]],
        "frames_total": frames_total,
        "frames_sent": job.frames_sent,
        "frames_done": sum(track.stored_frames + track.live_frames() for track in filtered),
        "frames_wanted": None if frames_total is None else frames_total * len(filtered),
        "chunks_sent": sum(len(have) + len(freed) for have, freed in zip(job.have, job.freed, strict=True)),
        "chunks_total": None if counts is None else sum(counts),
        "tasks_stored": sum(track.stored.count for track in job.tracks),
        "tasks_total": None if counts is None else sum(counts[track.stream] for track in job.tracks),
        "tasks_queued": sum(track.queued_count(job.have[0]) for track in filtered),
        "tasks_in_flight": sum(len(track.flights) for track in filtered),
        "retries": sum(track.retries for track in job.tracks),
        "duplicates": sum(track.duplicates for track in job.tracks),
        "fallback_frames": sum(track.fallback_frames for track in job.tracks),
        "lost_frames": sum(track.lost_frames for track in job.tracks),
    }


class Publisher:
    """The part of the dispatcher that keeps clients and watchers informed. Who is behind with reading is passed over,
    and hears the newest later: what waits for a client is names, not records."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._clients_told_at = self._watchers_told_at = 0.0
        self._serve_at = 0.0  # when watchers are told the next records
        self._served = 0  # watchers, ever: where the next turn begins

    def next_deadline(self) -> float | None:
        cluster = self._cluster
        waiting = [self._due_at(one) for one in cluster.watchers.values() if not one.is_behind]
        first = min((at for at in waiting if at is not None), default=None)
        if first is not None:
            return max(first, self._serve_at)
        if any("workers" in client.topics or client.untold_jobs for client in cluster.watchers.values()):
            return self._watchers_told_at + WATCHER_INTERVAL_S
        return self._clients_told_at + CLIENT_INTERVAL_S if cluster.changed_jobs else None

    def publish(self, now: float, behind: Set[Peer] = frozenset()) -> None:
        """Tells who is not `behind` what is due."""
        cluster = self._cluster
        share = shares(cluster)
        self._notice_room(share)
        due = now >= self._clients_told_at + CLIENT_INTERVAL_S
        news = (
            cluster.urgent_jobs
            | cluster.acknowledged_jobs
            | cluster.missed_jobs
            | (cluster.changed_jobs if due else set())
        )
        later = set()
        for job_id in news:
            job = cluster.jobs.get(job_id)
            if job is None or job.client is None:
                continue
            if job.client in behind:
                later.add(job_id)
                continue
            job.told_room_bytes = room_for(cluster, job, share)
            missed = job_id in cluster.missed_jobs
            details = details_of(job) if job.is_final else None
            tell_client(cluster, job.client, job, with_have=missed, details=details)
        self._tell_watchers(news, behind, now)
        cluster.urgent_jobs.clear()
        cluster.acknowledged_jobs = later
        cluster.missed_jobs &= later
        if due:
            if cluster.changed_jobs:
                self._clients_told_at = now
            cluster.changed_jobs.clear()

    def _notice_room(self, share: Shares) -> None:
        """A client that ran out of room is told when there is some again."""
        cluster = self._cluster
        for job in cluster.open.values():
            if job.client is not None and not job.all_sent and job.told_room_bytes < cluster.rules.client_window_bytes:
                room = room_for(cluster, job, share)
                if room > 2 * job.told_room_bytes:
                    cluster.acknowledged_jobs.add(job.id)

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
                told = client.untold_jobs if due else client.untold_jobs & cluster.urgent_jobs
                client.untold_jobs = client.untold_jobs - told
                client.asked |= dict.fromkeys((Asked.JOB, job_id) for job_id in sorted(told))
            if "workers" in client.topics - client.asked_topics:
                self._ask_for_workers(client, due)
        cluster.gone_workers.clear()
        self._serve(now)

    def _serve(self, now: float) -> None:
        """Tells watchers what they are to be told: of all that waits as much as fits in a turn, to each its share."""
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
            if not client.asked:
                if client.asks_next_at > now or not (client.asked_topics or client.asked_jobs):
                    break
                client.asks_next_at = now + WATCHER_INTERVAL_S
                self._take_questions(client)
            kind, name = next(iter(client.asked))
            del client.asked[kind, name]
            message = self._record(client, kind, name, now)
            if kind is Asked.DETAILS:
                client.asked.pop((Asked.JOB, name), None)  # told by this
            if message is not None:
                self._cluster.send(client.peer, message)
            told += DETAILS_COST if kind is Asked.DETAILS else 1
        return told

    def _take_questions(self, client: ClientRecord) -> None:
        """Names all records that were asked for. What is asked for meanwhile comes after them, and a little later."""
        cluster, topics, jobs = self._cluster, client.asked_topics, client.asked_jobs
        client.asked_topics, client.asked_jobs = set(), {}
        client.asked |= dict.fromkeys((Asked.DETAILS, job_id) for job_id in jobs)
        if "jobs" in topics:
            client.asked |= dict.fromkeys((Asked.JOB, job_id) for job_id in cluster.jobs)
        if "workers" in topics:
            client.introduced.clear()
            client.asked |= {(Asked.AGGREGATOR, one.store): None for one in cluster.aggregators.values()}
            client.asked |= dict.fromkeys((Asked.WORKER, name) for name in cluster.fleet.by_name)
        if "filters" in topics:
            client.asked[Asked.FILTERS, ""] = None
        if topics:
            client.asked[Asked.CURRENT, ""] = None

    def _record(self, client: ClientRecord, kind: Asked, name: str, now: float) -> Message | None:
        """The record of that name as it is now; None when there is none any more."""
        cluster = self._cluster
        if kind is Asked.WORKER:
            worker = cluster.fleet.by_name.get(name)
            return None if worker is None else _worker_record(client, worker, now)
        if kind is Asked.AGGREGATOR:
            found = next((one for one in cluster.aggregators.values() if one.store == name), None)
            return None if found is None else Aggregator(found.store, found.name, found.addresses)
        if kind is Asked.FILTERS:
            return Filters(cluster.catalogue.schemas)
        if kind is Asked.CURRENT:
            return Event("current", "these are the current records", unix_s=now + cluster.unix_offset_s)
        job = cluster.jobs.get(name)
        if job is None or not cluster.may_touch(client.user, job):
            return None
        return job_record(job, details=details_of(job) if kind is Asked.DETAILS else None)

    def _watches(self, client: ClientRecord, job_id: str) -> bool:
        job = self._cluster.jobs.get(job_id)
        watched = "jobs" in client.topics or job_id in client.watched_jobs
        if not watched or job is None or job.client == client.peer:
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
    """The schemas of its filters, the largest part by far, come with the first record of a worker's session only."""
    facts = worker.facts(now)
    if worker.session not in client.introduced:
        facts["schemas"] = worker.details.filters
        client.introduced.add(worker.session)
    return WorkerMessage(worker.name, worker.session, worker.state.value, facts)
