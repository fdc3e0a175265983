"""Requests of clients for existing jobs: cancel, pause, resume, change the priority, retry, forget, detach, watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from moviola.base.vocabulary import ErrorCode, EventKind, JobCode, Notice, Topic, Verb
from moviola.wire.errors import ProtocolError
from moviola.wire.limits import MAX_PRIORITY
from moviola.wire.messages import Control, Event, Watch

from .events import Peer, Purpose
from .failures import Failures
from .job_record import JobRecord
from .job_request import JobRequest
from .model.cluster import Cluster
from .model.ended_job import EndedJob
from .model.job import Job
from .model.peers import ClientRecord
from .model.states import JobState
from .model.users import QUOTA_HINT, Resource
from .ownership import Ownership

_SUITED: Final[Mapping[str, str]] = {
    Verb.CANCEL: "only a job that is not over can be cancelled",
    Verb.PAUSE: "only a job that is pending or running can be paused",
    Verb.RESUME: "only a paused job can be resumed",
    Verb.PRIORITY: "only a job that is not over can be given another priority",
    Verb.RETRY: "only a job that failed or was cancelled can be tried again",
    Verb.FORGET: "only a job that is over can be forgotten; cancel it first",
    Verb.FORGET_FILES: "only a job that is over can be forgotten; cancel it first",
    Verb.DETACH: "only the client that follows it can leave it",
}
"""By wish, which jobs it is for."""


class JobControl:
    """The part of the dispatcher that deals with `client.jobs` and its like."""

    def __init__(self, cluster: Cluster, failures: Failures, ownership: Ownership) -> None:
        self._cluster = cluster
        self._failures = failures
        self._ownership = ownership

    # ── wishes ───────────────────────────────────────────────────────────────────────────────────────────────────

    def control(self, client: ClientRecord, message: Control, now: float) -> None:
        """Do what a client wishes of a job, and say so; or say why not."""
        cluster = self._cluster
        job = cluster.jobs.get(message.job)
        if job is None:
            return cluster.refuse(client, ErrorCode.UNKNOWN_JOB, f"there is no job {message.job}", message.job)
        if not cluster.may_touch(client.user, job):
            return cluster.refuse(client, ErrorCode.NOT_YOURS, not_yours(job, message.verb), job.id)
        refusal = self._refusal(job, message)
        if refusal is not None:
            return cluster.refuse(client, *refusal, job.id)
        if isinstance(job, Job):
            granted: str | None = self._grant(client, job, message)
        else:
            granted = self._grant_ended(client, job, message.verb)
        if granted is None:
            return None  # it is looked up first
        if not granted:
            why = _SUITED.get(message.verb, f"there is no action called {message.verb!r:.40}")
            text = f"job {job.id} is {job.state.value}; {why}"
            return cluster.refuse(client, ErrorCode.BAD_JOB, text, job.id)
        return self._say_granted(client.peer, granted, job.id, now)

    def _say_granted(self, peer: Peer, granted: str, job: str, now: float) -> None:
        cluster = self._cluster
        cluster.send(peer, Event(Notice.WISH_GRANTED, granted, job, unix_s=now + cluster.unix_offset_s))

    def _refusal(self, job: Job | EndedJob, message: Control) -> tuple[ErrorCode, str] | None:
        """Return why a wish cannot be granted for another reason than the job's state; None if there is none."""
        cluster = self._cluster
        if message.verb == Verb.PRIORITY and (message.priority is None or message.priority > MAX_PRIORITY):
            told = "none was given" if message.priority is None else f"{message.priority} is not"
            return ErrorCode.BAD_JOB, f"a priority is a whole number from 0 to {MAX_PRIORITY}, and {told}"
        if not isinstance(job, EndedJob):
            return None
        if message.verb == Verb.RETRY:
            why = cluster.users.refusal(job.user, Resource.OPEN_JOBS)
            return (ErrorCode.BUSY, f"{why}; {QUOTA_HINT}") if why else None
        if message.verb == Verb.FORGET_FILES and job.owner and cluster.owner_of(job) is None:
            text = "the aggregator that has its files is not connected; forget it without them, or when it is back"
            return ErrorCode.BAD_JOB, text
        return None

    def _grant(self, client: ClientRecord, job: Job, message: Control) -> str:
        """Do what is wished of a job that is not over. Return what was done, in a sentence; "" if its state does not
        allow that."""
        cluster, verb = self._cluster, message.verb
        if verb == Verb.DETACH and job.client == client.peer:
            cluster.leave(job)
            client.jobs.discard(job.id)
            return f"job {job.id} goes on without its client"
        if verb == Verb.CANCEL:
            self._failures.revoke_all(job)
            cluster.set_state(job, JobState.CANCELLED, JobCode.CANCELLED, f"cancelled by {client.name}")
            return f"job {job.id} is cancelled"
        if verb == Verb.PAUSE and job.state in (JobState.PENDING, JobState.RUNNING):
            self._failures.revoke_all(job)
            cluster.set_state(job, JobState.PAUSED, JobCode.PAUSED, f"paused by {client.name}")
            cluster.save(job)
            return f"job {job.id} is paused"
        if verb == Verb.RESUME and job.state is JobState.PAUSED:
            cluster.set_state(job, JobState.PENDING, JobCode.RESUMED, f"resumed by {client.name}")
            cluster.save(job)
            return f"job {job.id} goes on"
        if verb == Verb.PRIORITY and message.priority is not None:
            return self._set_priority(client, job, message.priority)
        return ""

    def _set_priority(self, client: ClientRecord, job: Job, priority: int) -> str:
        """Change the priority of a job among the jobs of its user. Return what was done, in a sentence."""
        before = job.request.priority
        if priority == before:
            return f"job {job.id} has priority {priority} already"
        job.set_priority(priority)
        self._cluster.save(job, whole=True)
        changed = f"priority {priority}, {before} before"
        self._cluster.note(EventKind.JOB_REPRIORITIZED, f"job {job.id} got {changed}, from {client.name}", job.id)
        return f"job {job.id} has {changed}; tasks that workers hold go on"

    def _grant_ended(self, client: ClientRecord, job: EndedJob, verb: str) -> str | None:
        """Do what is wished of a job that is over. Return as `_grant` does; None if the job is looked up first."""
        if verb == Verb.DETACH and job.client == client.peer:
            self._cluster.leave(job)
            client.jobs.discard(job.id)
            return f"job {job.id} goes on without its client"
        if verb == Verb.RETRY and job.state in (JobState.FAILED, JobState.CANCELLED):
            self._cluster.recall(job, Purpose.RETRY, client.peer)
            return None
        if verb in (Verb.FORGET, Verb.FORGET_FILES):
            self._cluster.note(EventKind.JOB_FORGOTTEN, f"job {job.id} was forgotten by {client.name}", job.id)
        if verb == Verb.FORGET:
            self._cluster.forget(job)
            return f"job {job.id} is forgotten; its files stay"
        if verb == Verb.FORGET_FILES:
            self._ownership.drop_files(job)
            self._cluster.forget(job)
            return f"job {job.id} is forgotten, and its aggregator removes its files"
        return ""

    def retry(self, ended: EndedJob, request: JobRequest, record: JobRecord, peer: Peer, now: float) -> None:
        """Begin a job again that was over. What was spooled and stored is gone since it ended."""
        cluster = self._cluster
        client = cluster.clients.get(peer)
        attached = cluster.clients.get(ended.client) if ended.client is not None else None
        if attached is not None:  # it counts chunks that are gone: it shall come back and ask what is here
            cluster.hang_up(attached.peer, ErrorCode.RETRIED, f"job {ended.id} begins again")
        job = Job(ended.id, request, ended.user, cluster.changes)
        job.restore(record)
        job.begin_again()
        cluster.open_job(job)
        self._ownership.take_back(job)
        cluster.save(job)
        by = "somebody" if client is None else client.name
        cluster.note(EventKind.JOB_RETRIED, f"job {job.id} begins again, as {by} wishes", job.id)
        text = f"job {job.id} begins again and waits for its source: the same command that sent it sends it again"
        if peer in cluster.clients:
            self._say_granted(peer, text, job.id, now)

    # ── watching ─────────────────────────────────────────────────────────────────────────────────────────────────

    def watch(self, client: ClientRecord, message: Watch) -> None:
        """Note what a client asks to be told. The publisher tells it in its own time, so asking again costs nothing."""
        cluster = self._cluster
        unknown = set(message.topics) - set(Topic)
        if unknown:
            raise ProtocolError(ErrorCode.BAD_MESSAGE, f"no topic is called {', '.join(sorted(unknown))}")
        if message.job and message.job not in cluster.jobs:
            return cluster.refuse(client, ErrorCode.UNKNOWN_JOB, f"there is no job {message.job}", message.job)
        if message.job and not cluster.may_touch(client.user, cluster.jobs[message.job]):
            text = not_yours(cluster.jobs[message.job], "watch")
            return cluster.refuse(client, ErrorCode.NOT_YOURS, text, message.job)
        cluster.watchers[client.peer] = client
        client.topics |= set(message.topics) - {Topic.OVERVIEW}  # which is told when it is asked for
        client.asked_topics |= set(message.topics)
        client.asked_limit = message.limit
        if message.job:
            client.watched_jobs.add(message.job)
            client.asked_jobs[message.job] = None
            if message.log or message.chunk is not None:
                client.asked_stories[message.job] = None if message.log else message.chunk
            if message.timeline:
                client.asked_timelines.add(message.job)
        return None


def not_yours(job: Job | EndedJob, verb: str) -> str:
    """Return why a user may not do something with a job."""
    return f"job {job.id} is of user {job.user.name!r}; only that user and the cluster's admins may {verb} it"
