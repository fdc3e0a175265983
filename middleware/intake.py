"""Clients: jobs submitted, chunks accepted within a window, and uploads that stop."""

from __future__ import annotations

from middleware.admission import fault_of
from middleware.cluster import MAX_HISTORY, MAX_OPEN_JOBS, ClientRecord, Cluster
from middleware.events import FreeJob, NotKept, Peer, SpoolChunk
from middleware.jobs import MAX_CHUNK_FRAMES, Job
from middleware.ownership import Ownership
from middleware.records import job_record, room_for, share_of_spool
from middleware.wishes import forget
from wire.errors import ProtocolError
from wire.limits import MAX_CHUNKS
from wire.messages import (
    VERSIONS,
    Chunk,
    End,
    Error,
    Event,
    Hello,
    Message,
    Submit,
    Welcome,
)


class Intake:
    """The part of the dispatcher that deals with clients."""

    def __init__(self, cluster: Cluster, ownership: Ownership) -> None:
        self._cluster = cluster
        self._ownership = ownership

    def joined(self, peer: Peer, hello: Hello) -> None:
        self._cluster.clients[peer] = ClientRecord(hello.name, hello.session, peer)
        self._cluster.send(peer, Welcome(version=VERSIONS[-1], epoch=self._cluster.epoch))

    def left(self, peer: Peer, now: float) -> None:
        for job in self._cluster.detach(peer):
            if not job.is_final:
                job.moved_at = now
                self._cluster.note("client-left", f"the client of job {job.id} left; the job goes on", now, job.id)

    # ── submitting ───────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, client: ClientRecord, message: Submit, now: float) -> None:
        cluster = self._cluster
        fault = fault_of(message)
        if fault:
            return cluster.refuse(client, "bad-job", fault)
        job = self._continued(client, message)
        is_new = job is None
        if job is None:
            if len(cluster.open) >= MAX_OPEN_JOBS:
                return cluster.refuse(
                    client, "busy", f"{MAX_OPEN_JOBS} jobs are unfinished; wait for one, or cancel one"
                )
            job = self._create(message, now)
        job.client, job.accepted, job.session, job.moved_at = client.peer, 0, client.session, now
        job.edited_as = ""
        client.jobs.add(job.id)
        cluster.save(job, new=is_new)
        if not job.owner:
            self._ownership.assign(job)
        self._look_for_edited(client, job)
        job.told_room_bytes = room_for(cluster, job)
        cluster.send(client.peer, job_record(job, job.told_room_bytes, with_have=True))
        return None

    def _continued(self, client: ClientRecord, message: Submit) -> Job | None:
        """The job that this submission repeats or takes up again; a new one only if its reply may have been lost."""
        for job in reversed(self._cluster.jobs.values()):
            if job.key != message.key:
                continue
            attached = self._cluster.clients.get(job.client) if job.client is not None else None
            same_session = job.session == client.session  # its last reply may have been lost
            if same_session or (not message.new and not job.is_final and attached is None):
                return job
        return None

    def _look_for_edited(self, client: ClientRecord, job: Job) -> None:
        """Uploads from the same place that will wait in vain, because what lay there has been edited since."""
        for old in self._cluster.open.values():
            if old.client is None and not old.all_sent and _is_edited(old, job):
                old.edited_as = job.id
                self._cluster.save(old)
                text = (
                    f"{job.name} was edited since job {old.id} was interrupted, so this is a new job; the old one "
                    f"waits in vain: python -m client.jobs cancel {old.id} ends it"
                )
                self._cluster.send(client.peer, Event("source-edited", text, old.id))

    def _create(self, message: Submit, now: float) -> Job:
        cluster = self._cluster
        unix_s = now + cluster.unix_offset_s
        fixed = {
            "key": message.key,
            "source": message.source,
            "outputs": message.outputs,
            "policy": message.policy,
            "priority": message.priority,
            "origin": message.origin,
            "submitted_unix_s": unix_s,
            "lease_key": cluster.new_key(),
        }
        name = str(message.source.get("name", "job"))
        job_id = cluster.new_id(name)
        while job_id in cluster.jobs:
            job_id = cluster.new_id(name)
        job = Job(job_id, fixed)
        cluster.jobs[job.id] = cluster.open[job.id] = job
        outputs = ", ".join(output["name"] for output in message.outputs)
        cluster.note("job-submitted", f"job {job.id} was submitted: {job.name} → {outputs}", now, job.id)
        finals = [old for old in cluster.jobs.values() if old.is_final]
        for old in finals[: max(0, len(finals) - MAX_HISTORY)]:
            forget(cluster, old)
        return job

    # ── chunks ───────────────────────────────────────────────────────────────────────────────────────────────────

    def chunk(self, client: ClientRecord, message: Chunk, size: int, xxh3: int, now: float) -> None:
        job = self._job_of(client, message, message.job)
        if job is None or job.is_final:
            return
        if message.stream >= len(job.have) or message.index >= MAX_CHUNKS or message.frame_count > MAX_CHUNK_FRAMES:
            raise ProtocolError("bad-message", f"job {job.id} has no chunk {message.index} of stream {message.stream}")
        counts = job.chunk_counts
        if counts is not None and message.index >= counts[message.stream]:
            raise ProtocolError(
                "bad-message", f"chunk {message.index} comes after the last, {counts[message.stream] - 1}"
            )
        known = job.checksums[message.stream].get(message.index)
        if known is not None and known != xxh3:
            text = (
                f"chunk {message.index} differs from the one accepted before: the source was edited; submit it as new"
            )
            self._cluster.send(client.peer, Error("edited", text, fatal=False, job=job.id))
            return
        job.accepted += 1
        job.moved_at = now
        self._cluster.acknowledged_jobs.add(job.id)
        if message.index in job.have[message.stream] or message.index in job.freed[message.stream]:
            return
        job.add_chunk(message.stream, message.index, message.frame_count, size, xxh3)
        self._cluster.room_bytes -= size
        self._cluster.outbox.append(SpoolChunk(job.id, message.stream, message.index, message.frame_count))
        self._cluster.changed_jobs.add(job.id)

    def not_kept(self, event: NotKept) -> None:
        """The chunk just accepted could not be written: the client comes back for it later."""
        job = self._cluster.jobs[event.job]
        job.remove_chunk(event.stream, event.index)
        if job.client is not None:
            self._cluster.hang_up(job.client, "full", f"{event.reason}; the job waits until there is room")
        self._cluster.log(f"job {job.id} chunk {event.index}: {event.reason}")

    def expire(self, now: float) -> None:
        """Uploads that stopped give their room back, so that they cannot keep others out; the jobs stay.

        An attached client is only thought to have stopped where others are short of room and it is not (a large chunk
        may take long on a slow road), or where its job holds more than its share.
        """
        timeout_s = self._cluster.rules.upload_timeout_s
        for job in self._cluster.open_jobs():
            if job.all_sent or not any(job.have) or any(track.flights for track in job.tracks):
                continue
            if job.moved_at is None:
                job.moved_at = now  # since this middleware's start
            if now - job.moved_at < timeout_s:
                continue
            is_greedy = job.spooled_bytes > share_of_spool(self._cluster)
            if job.client is not None and not (self._cluster.is_scarce and (job.told_room_bytes or is_greedy)):
                continue
            if job.client is not None:
                self._cluster.hang_up(job.client, "silent", f"no chunk of job {job.id} came for {timeout_s:.0f} s")
            job.forget_chunks()
            self._cluster.outbox.append(FreeJob(job.id))
            self._cluster.changed_jobs.add(job.id)
            text = f"the upload of job {job.id} stopped {timeout_s:.0f} s ago: its chunks are given up"
            self._cluster.note("upload-expired", text, now, job.id)

    def end(self, client: ClientRecord, message: End, now: float) -> None:
        job = self._job_of(client, message, message.job)
        if job is None or job.is_final:
            return
        counts = message.chunk_counts
        highest = [max(have.end, freed.end) - 1 for have, freed in zip(job.have, job.freed, strict=True)]
        fits = len(counts) == len(job.have) and max(counts) <= MAX_CHUNKS
        if not fits or any(top >= count for top, count in zip(highest, counts, strict=True)):
            raise ProtocolError("bad-message", f"End of job {job.id} counts {counts}; there are chunks up to {highest}")
        if job.chunk_counts is not None and job.chunk_counts != counts:
            text = f"the source now has {counts} chunks; it had {job.chunk_counts}: it was edited; submit it as new"
            self._cluster.send(client.peer, Error("edited", text, fatal=False, job=job.id))
            return
        if job.chunk_counts is None:
            job.chunk_counts = counts
            self._cluster.save(job)
            self._cluster.changed_jobs.add(job.id)
        self._ownership.finish_if_complete(job, now)

    def _job_of(self, client: ClientRecord, message: Message, job_id: str) -> Job | None:
        """A job this client is attached to; otherwise it is told."""
        job = self._cluster.jobs.get(job_id)
        if job is None:
            self._cluster.refuse(client, "unknown-job", f"there is no job {job_id}", job_id)
        elif job.client != client.peer:
            text = f"{type(message).__name__} came from another client than the one job {job_id} is attached to"
            self._cluster.refuse(client, "not-yours", text, job_id)
            return None
        return job


def _is_edited(old: Job, new: Job) -> bool:
    """Whether two jobs want the same of the same place, and differ in what lies there."""
    one, other = old.fixed, new.fixed
    return (
        bool(one.get("origin"))
        and one["origin"] == other["origin"]
        and one["outputs"] == other["outputs"]
        and one["source"].get("fingerprint") != other["source"].get("fingerprint")
    )
