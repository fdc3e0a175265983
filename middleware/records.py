"""The records that clients and watchers get, and when: at once, or a few a second."""

from __future__ import annotations

from typing import Any, Final

from middleware.cluster import ClientRecord, Cluster
from middleware.fleet import WorkerRecord
from middleware.jobs import Job
from middleware.stages import is_covered, is_outdated, left
from middleware.states import JobState, WorkerState
from middleware.tracks import Track
from wire.messages import Job as JobMessage
from wire.messages import Worker as WorkerMessage

CLIENT_INTERVAL_S: Final = 0.1
"""How often the client of a job hears of progress: a bar that moves smoothly."""

MAX_FAILURES_KEPT: Final = 20
"""Failures of a job that are told, and kept in the history: more of them are more of the same."""

MAX_EXPLANATION: Final = 4000
"""Characters of a failure's text, and of its traceback's end, so that the history stays small."""

WATCHER_INTERVAL_S: Final = 0.5
"""How often watchers hear of a job or a worker."""


def room_for(cluster: Cluster, job: Job) -> int:
    """Payload bytes the client of a job may have on their way: a part of the room, within the job's share of the whole
    spool, and never more than a window."""
    uploading = _uploading(cluster)
    share = share_of_spool(cluster) - job.spooled_bytes
    return max(0, min(cluster.rules.client_window_bytes, cluster.room_bytes // uploading, share))


def share_of_spool(cluster: Cluster) -> int:
    """Bytes that each of the jobs that are being sent may hold. What is freed would otherwise go to those who hold
    much already and get nothing done, until others have nothing."""
    held = sum(one.spooled_bytes for one in cluster.open.values())
    return (cluster.room_bytes + held) // _uploading(cluster)


def _uploading(cluster: Cluster) -> int:
    return sum(1 for one in cluster.open.values() if one.client is not None and not one.all_sent) or 1


def job_record(
    job: Job, room_bytes: int = 0, *, with_have: bool = False, details: dict[str, Any] | None = None
) -> JobMessage:
    return JobMessage(
        job=job.id,
        name=job.name,
        state=job.state.value,
        code=job.code,
        reason=job.reason,
        accepted=job.accepted,
        room_bytes=room_bytes,
        have=[job.received(stream).to_wire() for stream in range(len(job.have))] if with_have else None,
        progress=job.final or progress_of(job),
        outputs=job.outputs_summary,
        files=job.files,
        addresses=job.addresses,
        submitted_unix_s=job.submitted_unix_s,
        seconds=job.seconds,
        priority=job.priority,
        details=details or {},
    )


def worker_record(worker: WorkerRecord, now: float) -> WorkerMessage:
    return WorkerMessage(worker.name, worker.session, worker.state.value, worker.facts(now))


def details_of(job: Job) -> dict[str, Any]:
    """What a person asks who looks at one job: the wishes and the failures."""
    outputs = job.fixed["outputs"]
    return {
        "outputs": [{name: output.get(name) for name in ("name", "chain", "codec", "crf")} for output in outputs],
        "on_error": job.fixed["policy"].get("on_error", ""),
        "aggregator": job.owner_name,
        "failures": job.failures or failures_of(job),
    }


def failures_of(job: Job) -> list[dict[str, Any]]:
    """The first attributed failures, each with its chunk's frames and with what the worker told of its cause."""
    found = [
        {
            "output": job.fixed["outputs"][track.number]["name"],
            "chunk": index,
            "frames": _frames_of(job, index),
            "frame": failure.get("frame"),
            "filter": str(failure.get("filter") or ""),
            "worker": failure["worker"],
            "failure_type": "job_failure" if failure.get("kind") == "exception" else "worker_failure",
            "failure_reason": str(failure.get("kind", "")),
            "explanation": str(failure.get("text", ""))[:MAX_EXPLANATION],
            "traceback": str(failure.get("traceback") or "")[-MAX_EXPLANATION:],
        }
        for track in job.tracks
        for index, trouble in sorted(track.troubles.items())
        for failure in trouble.failures
    ]
    return found[:MAX_FAILURES_KEPT]


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
    """The part of the dispatcher that keeps clients and watchers informed."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._clients_told_at = self._watchers_told_at = 0.0
        self._waiting: set[str] = set()  # jobs whose watchers have not heard the newest yet

    def next_deadline(self) -> float | None:
        cluster = self._cluster
        if any("workers" in client.topics for client in cluster.clients.values()) or self._waiting:
            return self._watchers_told_at + WATCHER_INTERVAL_S
        return self._clients_told_at + CLIENT_INTERVAL_S if cluster.changed_jobs else None

    def publish(self, now: float) -> None:
        cluster = self._cluster
        self._tell_of_room()
        due_clients = now >= self._clients_told_at + CLIENT_INTERVAL_S
        told = (
            cluster.urgent_jobs
            | cluster.acknowledged_jobs
            | cluster.missed_jobs
            | (cluster.changed_jobs if due_clients else set())
        )
        for job_id in told:
            job = cluster.jobs.get(job_id)
            if job is not None and job.client is not None:
                job.told_room_bytes = room_for(cluster, job)
                missed = job_id in cluster.missed_jobs
                details = details_of(job) if job.is_final else None
                cluster.send(job.client, job_record(job, job.told_room_bytes, with_have=missed, details=details))
        if due_clients and cluster.changed_jobs:
            self._clients_told_at = now
        self._waiting |= cluster.changed_jobs if due_clients else set()
        self._waiting |= told
        self._tell_watchers(set(cluster.urgent_jobs), now)
        cluster.urgent_jobs.clear()
        cluster.acknowledged_jobs.clear()
        cluster.missed_jobs.clear()
        if due_clients:
            cluster.changed_jobs.clear()

    def _tell_of_room(self) -> None:
        """A client that ran out of room is told when there is some again."""
        cluster = self._cluster
        for job in cluster.open.values():
            if job.client is not None and not job.all_sent and job.told_room_bytes < cluster.rules.client_window_bytes:
                room = room_for(cluster, job)
                if room > 2 * job.told_room_bytes:
                    cluster.acknowledged_jobs.add(job.id)

    def _tell_watchers(self, urgent: set[str], now: float) -> None:
        cluster = self._cluster
        watchers = [client for client in cluster.clients.values() if client.topics or client.watched_jobs]
        due = now >= self._watchers_told_at + WATCHER_INTERVAL_S
        if not watchers:
            self._waiting.clear()
            cluster.gone_workers.clear()
            return
        jobs = self._waiting if due else self._waiting & urgent
        for job_id in sorted(jobs):
            job = cluster.jobs.get(job_id)
            if job is not None:
                for client in watchers:
                    if self._watches(client, job):
                        cluster.send(client.peer, job_record(job))
        self._waiting -= jobs
        if due:
            self._watchers_told_at = now
            self._tell_of_workers([client for client in watchers if "workers" in client.topics], now)

    @staticmethod
    def _watches(client: ClientRecord, job: Job) -> bool:
        return job.client != client.peer and ("jobs" in client.topics or job.id in client.watched_jobs)

    def _tell_of_workers(self, watchers: list[ClientRecord], now: float) -> None:
        cluster = self._cluster
        if watchers:
            for worker in cluster.fleet.by_name.values():
                if worker.state is not WorkerState.LOST or worker.name in cluster.gone_workers:
                    record = worker_record(worker, now)
                    for client in watchers:
                        cluster.send(client.peer, record)
        cluster.gone_workers.clear()


def assess(cluster: Cluster, job: Job, now: float) -> None:
    """Says plainly why a job that could go on does not: PENDING with a code and a sentence, or RUNNING."""
    if job.is_final or job.state is JobState.PAUSED:
        return
    code, reason = _obstacle(cluster, job, now)
    if code:
        cluster.set_state(job, JobState.PENDING, code, reason)
    else:
        cluster.set_state(job, JobState.RUNNING)


def _obstacle(cluster: Cluster, job: Job, now: float) -> tuple[str, str]:
    """What keeps a job from going on; two empty texts when nothing does."""
    if any(track.flights for track in job.tracks) or job.finish_sent:
        return "", ""
    if not cluster.aggregators:
        return "no-aggregator", "no aggregator is connected"
    if cluster.owner_of(job) is None:
        return "aggregator-away", f"aggregator {job.owner_name}, which keeps this job's results, is not connected"
    if not job.holdings_known:
        return "holdings", f"aggregator {job.owner_name} is asked what it has stored"
    if now < job.no_room_until:
        return "no-room", job.no_room_reason
    for track in job.tracks:
        if track.is_passthrough or track.queued(job.have[track.stream]) is None:
            continue
        return _why_queued(cluster, job, track)
    if not job.all_sent:
        if job.client is None and job.edited_as:
            text = f"its source was edited, and submitted anew as job {job.edited_as}; cancel this one"
            return "source-edited", text
        if job.client is None:
            return "source-needed", "its source is not all here and no client is attached; submit the same file again"
        if job.frames_sent == 0 or job.state is JobState.PENDING:
            return "uploading", "the client is sending"
    return "", ""


def _why_queued(cluster: Cluster, job: Job, track: Track) -> tuple[str, str]:
    """Why nothing of a track is in work though something is queued."""
    index = track.queued(job.have[track.stream])
    assert index is not None
    mode = cluster.mode_of(job, track, index)
    rest = left(track, index, mode)
    if not is_covered(cluster, track, rest):
        return _nobody_offers(cluster, track.chain.needs(rest))
    if is_outdated(cluster, track):
        return "no-worker", _why_outdated(cluster, job)
    if track.whole_only and not cluster.fleet.can(track.chain.needs(rest)):
        return "too-large", track.whole_only
    return "busy", "all able workers are busy with other jobs"


def _why_outdated(cluster: Cluster, job: Job) -> str:
    text = "its first results were made with other library versions than those of the workers that are connected"
    if job.can_begin_again:
        return f"{text}; it begins again if none like them is back in {cluster.rules.renew_after_s:.0f} s"
    return f"{text}; submit the same file again and it begins again, or start a worker like them"


def _nobody_offers(cluster: Cluster, needs: frozenset[str]) -> tuple[str, str]:
    workers = list(cluster.fleet.connected())
    if not workers:
        return "no-worker", "no worker is connected"
    offered = {name for worker in workers for name in worker.offers}
    missing = sorted(needs - offered)
    filters = ", ".join(sorted(name for name in offered if not name.startswith("kind:")))
    count = "1 worker offers" if len(workers) == 1 else f"{len(workers)} workers offer"
    if not missing:
        chain = ", ".join(sorted(name for name in needs if not name.startswith("kind:")))
        return "no-worker", f"no single worker offers all of {chain}; {count} {filters}"
    kinds = [name.removeprefix("kind:") for name in missing if name.startswith("kind:")]
    what = f"takes {kinds[0]}" if kinds else "offers " + " or ".join(f"'{name}'" for name in missing)
    return "no-worker", f"no worker {what}; {count} {filters}"
