"""Clients: jobs submitted, chunks accepted within a window, and uploads that stop."""

from __future__ import annotations

from typing import Final

from moviola.base.invocation import typed
from moviola.base.vocabulary import ErrorCode, EventKind, JobCode, Notice
from moviola.wire.errors import ProtocolError
from moviola.wire.limits import IDLE_CLIENT_S, MAX_CHUNKS
from moviola.wire.messages import VERSIONS, Chunk, End, Error, Event, Hello, Message, Submit, Welcome

from .admission import fault_of
from .events import FreeJob, NotKept, Peer, Purpose, SpoolChunk
from .job_request import JobRequest
from .model.cluster import Cluster
from .model.ended_job import EndedJob
from .model.job import MAX_CHUNK_FRAMES, Job
from .model.peers import ClientRecord
from .model.states import JobState
from .model.stream import ChunkFacts
from .model.uploads import room_for, spool_share
from .model.users import QUOTA_HINT, SUBMITS_PER_S, Resource, User
from .ownership import Ownership
from .publisher import tell_client
from .stages import uncovered

RECHECK_S: Final = 0.25
"""How soon a job is looked at again whose upload stopped, and whose fate depends on the room that others leave."""


class Submissions:
    """The part of the dispatcher that deals with clients."""

    def __init__(self, cluster: Cluster, ownership: Ownership) -> None:
        self._cluster = cluster
        self._ownership = ownership

    def joined(self, peer: Peer, hello: Hello, now: float) -> None:
        cluster = self._cluster
        if not hello.user.isprintable():
            raise ProtocolError(ErrorCode.BAD_MESSAGE, f"the user's name {hello.user!r} cannot be printed")
        user = cluster.users.named(hello.user)
        if cluster.users.refusal(user, Resource.CONNECTIONS) or len(cluster.clients) >= cluster.rules.max_clients:
            self._make_place(user)
            user = cluster.users.named(hello.user)  # the one that went may have been all there was of it
        user.charge(Resource.CONNECTIONS, 1)
        cluster.clients[peer] = ClientRecord(hello.name, hello.session, peer, user)
        cluster.heard_of(cluster.clients[peer], now)
        cluster.send(peer, Welcome(version=VERSIONS[-1], epoch=cluster.epoch))

    def _make_place(self, user: User) -> None:
        """Send away the client that can be spared most, to make a place for another one of this user. If the user has
        as many as it may have, it is one of the user's own. Raises ProtocolError if all have jobs."""
        cluster = self._cluster
        is_greedy = cluster.users.is_at_bound(user, Resource.CONNECTIONS)
        spared = cluster.idlers.spared(lambda peer: not is_greedy or cluster.clients[peer].user is user)
        if spared is not None:
            text = "another client needs a place, and this one has had nothing to do for the longest time"
            return cluster.hang_up(spared, ErrorCode.IDLE, text)
        why = cluster.users.refusal(user, Resource.CONNECTIONS)
        cluster.users.let_go(user)
        why = why or f"{len(cluster.clients)} clients are connected, and all have jobs"
        raise ProtocolError(ErrorCode.BUSY, f"{why}; end one of them, or try again later")

    def expire_idle(self, now: float) -> None:
        """Sends clients away that want nothing: there may be others who do."""
        for peer in self._cluster.idlers.expired(now):
            text = f"nothing was asked for {IDLE_CLIENT_S:.0f} s; come back at any time"
            self._cluster.hang_up(peer, ErrorCode.IDLE, text)

    def left(self, peer: Peer, now: float) -> None:
        for job in self._cluster.detach(peer):
            if not job.is_final:
                job.upload.moved_at = now
                self._cluster.note(EventKind.CLIENT_LEFT, f"the client of job {job.id} left; the job goes on", job.id)

    # ── submitting ───────────────────────────────────────────────────────────────────────────────────────────────

    def submit(self, client: ClientRecord, message: Submit, now: float) -> None:
        cluster, user = self._cluster, client.user
        if not cluster.users.may_submit(user, now):
            text = f"user {user.name!r} submits more than {SUBMITS_PER_S:.0f} jobs a second; try again in a moment"
            return cluster.refuse(client, ErrorCode.BUSY, text)
        fault = fault_of(message)
        if fault:
            return cluster.refuse(client, ErrorCode.BAD_JOB, fault)
        job = self._continued(client, message)
        if isinstance(job, EndedJob):  # its last reply may have been lost
            job.client = client.peer
            client.jobs.add(job.id)
            return cluster.recall(job, Purpose.REPLY, client.peer)
        lacks_source = job is not None and not job.request.has_source
        if job is not None and lacks_source and not job.request.is_like(message):
            return cluster.refuse(
                client, ErrorCode.BAD_JOB, f"job {job.id} has the same key, but another source; submit this one as new"
            )
        is_whole = job is None or lacks_source
        if is_whole:
            submitted_unix_s = now + cluster.unix_offset_s if job is None else job.request.submitted_unix_s
            lease_key = cluster.new_key() if job is None else job.request.lease_key
            request = JobRequest.of(message, user.name, submitted_unix_s, lease_key)
            why = self._why_busy(user, job, request.ledger_size())
            if why:
                return cluster.refuse(client, ErrorCode.BUSY, why)
            job = self._create(request, user, now) if job is None else cluster.resume_source(job, request)
        assert job is not None
        job.attach(client.peer, client.session, now)
        client.jobs.add(job.id)
        cluster.save(job, whole=is_whole)
        if lacks_source:
            self._ownership.take_back(job)
        elif not job.owner.store:
            self._ownership.assign(job)
        self._look_for_edited(client, job)
        self._sort_upload(job)
        job.upload.told_window_bytes = room_for(cluster, job)
        tell_client(cluster, client.peer, job, now, with_have=True)
        return None

    def _why_busy(self, user: User, job: Job | None, size: int) -> str:
        """Return why a user's job, a new one or one that gets its source again, cannot be taken now."""
        users = self._cluster.users
        why = "" if job is not None else users.refusal(user, Resource.OPEN_JOBS)
        why = why or users.refusal(user, Resource.LEDGER_BYTES, size if job is None else size - job.ledger_bytes)
        return why and f"{why}; {QUOTA_HINT}"

    def _continued(self, client: ClientRecord, message: Submit) -> Job | EndedJob | None:
        """Return the job that a Submit repeats or takes up again; None if it asks for another job. A Submit that wants
        a new job can only repeat one of its own session, whose reply may have been lost."""
        for job in reversed(client.user.open.values()):
            if not job.request.has_key(message.key):
                continue
            attached = self._cluster.clients.get(job.client) if job.client is not None else None
            same_session = job.session == client.session  # its last reply may have been lost
            if same_session or (not message.new and attached is None):
                return job
        ended = reversed(client.user.ended.values())
        return next((one for one in ended if one.key == message.key and one.session == client.session), None)

    def _look_for_edited(self, client: ClientRecord, job: Job) -> None:
        """Find the user's interrupted uploads from the same place that will wait in vain, because the source there has
        been edited since and is now submitted as `job`. Note that of each of them, and tell the client."""
        for old in client.user.open.values():
            if old.client is None and not old.all_sent and _is_edited(old, job):
                old.supersede(job.id)
                self._cluster.save(old)
                text = (
                    f"{job.name} was edited since job {old.id} was interrupted, so this is a new job; the old one "
                    f"waits in vain: {typed('jobs')} cancel {old.id} ends it"
                )
                self._cluster.send(client.peer, Event(Notice.SOURCE_EDITED, text, old.id))

    def _create(self, request: JobRequest, user: User, now: float) -> Job:
        cluster = self._cluster
        job_id = cluster.new_id(request.name)
        while job_id in cluster.jobs:
            job_id = cluster.new_id(request.name)
        job = Job(job_id, request, user, cluster.changes)
        cluster.open_job(job)
        outputs = ", ".join(request.output_names)
        cluster.note(EventKind.JOB_SUBMITTED, f"job {job.id} was submitted: {job.name} → {outputs}", job.id)
        return job

    # ── chunks ───────────────────────────────────────────────────────────────────────────────────────────────────

    def chunk(self, client: ClientRecord, message: Chunk, size: int, xxh3: int, now: float) -> None:
        cluster = self._cluster
        job = self._job_of(client, message, message.job)
        if job is None or job.is_final:
            return None
        if message.stream >= len(job.streams) or message.index >= MAX_CHUNKS or message.frame_count > MAX_CHUNK_FRAMES:
            raise ProtocolError(
                ErrorCode.BAD_MESSAGE, f"job {job.id} has no chunk {message.index} of stream {message.stream}"
            )
        asset = job.request.assets[message.index] if _is_asset(job, message) else None
        if asset is not None and asset.size != size:
            raise ProtocolError(ErrorCode.BAD_MESSAGE, f"the file {asset.value} has {asset.size} bytes, not {size}")
        counts = job.chunk_counts
        if counts is not None and message.index >= counts[message.stream]:
            raise ProtocolError(
                ErrorCode.BAD_MESSAGE, f"chunk {message.index} comes after the last, {counts[message.stream] - 1}"
            )
        stream = job.streams[message.stream]
        known = stream.facts(message.index)
        if known is not None and known.xxh3 != xxh3:
            text = (
                f"chunk {message.index} differs from the one accepted before: the source was edited; submit it as new"
            )
            return cluster.send(client.peer, Error(ErrorCode.EDITED, text, fatal=False, job=job.id))
        is_new = message.index not in stream.here and message.index not in stream.freed
        why = self._why_full(job) if is_new else ""
        if why:
            return cluster.hang_up(client.peer, ErrorCode.FULL, f"{why}; job {job.id} waits until there is room")
        job.acknowledge_chunk(now)
        if not is_new:
            return None
        job.add_chunk(message.stream, message.index, ChunkFacts(message.frame_count, xxh3, size))
        cluster.situations.freeable[job] = None  # it may have been stored before
        cluster.room.free_bytes -= size
        cluster.totals.received_bytes += size
        value = "" if asset is None else asset.value
        cluster.outbox.append(SpoolChunk(job.id, message.stream, message.index, message.frame_count, value))
        return None

    def _why_full(self, job: Job) -> str:
        """Return why no further chunk of a job is taken, of a client that does not keep to the room it was told."""
        cluster, user = self._cluster, job.user
        if cluster.room.holds_much(user) and cluster.room.of(user) <= 0:
            held = user.held[Resource.SPOOL_BYTES]
            return f"user {user.name!r} has {held} bytes in the spool; the rest of the spool is kept for others"
        return cluster.users.refusal(user, Resource.CHUNKS)

    def not_kept(self, event: NotKept) -> None:
        """Take back a chunk that was just accepted, but could not be written. Its client is sent away, comes back later
        and sends it again."""
        chunk = event.command
        job = self._cluster.open[chunk.job]
        job.remove_chunk(chunk.stream, chunk.index)
        if job.client is not None:
            hint = "; the job waits until there is room" if event.code == ErrorCode.FULL else ""
            self._cluster.hang_up(job.client, event.code, event.reason + hint)
        self._cluster.log(f"job {job.id} chunk {chunk.index}: {event.reason}")

    def look(self, job: Job, now: float) -> None:
        """See whether the upload of a job that changed goes on."""
        if job.all_sent and job not in self._cluster.uploads.jobs:
            return
        self._sort_upload(job)
        if not job.all_sent and not job.is_in_flight:
            self._expire(job, now)

    def _sort_upload(self, job: Job) -> None:
        """Note whether a job is being sent, and whether it stands back behind others (see Uploads)."""
        is_sending = job.client is not None and not job.is_final and not job.all_sent
        stands_back = is_sending and (job.state is JobState.PAUSED or uncovered(self._cluster, job) is not None)
        self._cluster.uploads.look(job, is_sending=is_sending, stands_back=stands_back)

    def _expire(self, job: Job, now: float) -> None:
        """Give up the chunks of an upload that has stopped, so that it cannot keep others out; the job stays, for a
        while.

        The upload of a client that is still attached counts as stopped only if room is scarce, and the client either
        has room that it does not use, or its job holds more than its share: a large chunk may take long on a slow line.
        """
        cluster, rules = self._cluster, self._cluster.rules
        if job.upload.moved_at is None:
            job.upload.moved_at = now  # since this middleware's start
        if not job.has_chunks:
            self._expire_place(job, now)
        elif self._may_be_in_its_own_way(job):
            if room_for(cluster, job) == 0:
                self._upload_anew(job, now)
            else:
                cluster.look_again(job, now + RECHECK_S)
        elif now < job.upload.moved_at + rules.upload_timeout_s:
            cluster.look_again(job, job.upload.moved_at + rules.upload_timeout_s)
        elif job.client is None or (cluster.room.is_scarce and (job.upload.told_window_bytes or self._is_greedy(job))):
            self._expire_chunks(job, now)
        else:
            cluster.look_again(job, now + RECHECK_S)

    def _is_greedy(self, job: Job) -> bool:
        return job.spooled_bytes > spool_share(self._cluster, job)

    @staticmethod
    def _may_be_in_its_own_way(job: Job) -> bool:
        """Return whether a file that a job's filters name was lost, and may have no room beside chunks of the same job,
        none of which can be worked on before it is here. Files come before all chunks, so nothing else leads to
        this."""
        if job.client is None or job.has_assets:
            return False
        return any(stream.here.count for stream in job.streams[: job.request.stream_count])

    def _upload_anew(self, job: Job, now: float) -> None:
        """Give up all that came of a job; its client, who is told, sends the files first."""
        self._give_up_chunks(job)
        job.ask_anew(now)
        text = f"job {job.id} lacks a file that its filters name, and has no room for it: its source must be sent again"
        self._cluster.note(EventKind.SOURCE_NEEDED, text, job.id)

    def _expire_chunks(self, job: Job, now: float) -> None:
        cluster, timeout_s = self._cluster, self._cluster.rules.upload_timeout_s
        if job.client is not None:
            cluster.hang_up(job.client, ErrorCode.SILENT, f"no chunk of job {job.id} came for {timeout_s:.0f} s")
        self._give_up_chunks(job)
        text = f"the upload of job {job.id} stopped {timeout_s:.0f} s ago: its chunks are given up"
        cluster.note(EventKind.UPLOAD_EXPIRED, text, job.id)

    def _give_up_chunks(self, job: Job) -> None:
        job.forget_chunks()
        self._cluster.save(job)
        self._cluster.outbox.append(FreeJob(job.id))

    def _expire_place(self, job: Job, now: float) -> None:
        """Cancel a job of which no chunk is here if its client has been gone for too long."""
        rules = self._cluster.rules
        waits_long = job.upload.waits_long or any(stream.freed.count for stream in job.streams)
        limit_s = rules.abandoned_timeout_s if waits_long else rules.upload_timeout_s
        if job.client is not None or job.upload.moved_at is None:
            return
        if now < job.upload.moved_at + limit_s:
            self._cluster.look_again(job, job.upload.moved_at + limit_s)
            return
        what = "nothing more" if waits_long else "nothing"
        text = f"{what} of its source came in {limit_s:.0f} s, and its client has gone; submit the same file again"
        job.session = ""  # whoever submits it again gets a new job, and not this one's end
        self._cluster.set_state(job, JobState.CANCELLED, JobCode.EXPIRED, text)

    def end(self, client: ClientRecord, message: End, now: float) -> None:
        job = self._job_of(client, message, message.job)
        if job is None or job.is_final:
            return
        counts = message.chunk_counts
        highest = [max(stream.here.end, stream.freed.end) - 1 for stream in job.streams]
        fits = len(counts) == len(job.streams) and max(counts) <= MAX_CHUNKS
        if not fits or any(top >= count for top, count in zip(highest, counts, strict=True)):
            raise ProtocolError(
                ErrorCode.BAD_MESSAGE, f"End of job {job.id} counts {counts}; there are chunks up to {highest}"
            )
        if job.chunk_counts is not None and job.chunk_counts != counts:
            text = f"the source now has {counts} chunks; it had {job.chunk_counts}: it was edited; submit it as new"
            self._cluster.send(client.peer, Error(ErrorCode.EDITED, text, fatal=False, job=job.id))
            return
        if job.chunk_counts is None:
            if message.source and not self._describe(client, job, message):
                return
            job.end_upload(counts)
            self._cluster.save(job, whole=bool(message.source))
        self._ownership.finish_if_complete(job, now)

    def _describe(self, client: ClientRecord, job: Job, message: End) -> bool:
        """Take what is said of a source now that all of it has come; return False where that is refused."""
        cluster = self._cluster
        try:
            request = job.request.ended(message)
            fault = fault_of(request.as_submit())
        except ValueError as error:
            fault = str(error)
        if fault:
            cluster.refuse(client, ErrorCode.BAD_JOB, f"job {job.id}: {fault}", job.id)
            return False
        cluster.describe_source(job, request)
        self._ownership.tell_anew(job)
        return True

    def _job_of(self, client: ClientRecord, message: Message, job_id: str) -> Job | None:
        """Return the job that this client is attached to, unless it is over; any other is refused."""
        job = self._cluster.jobs.get(job_id)
        if job is None:
            self._cluster.refuse(client, ErrorCode.UNKNOWN_JOB, f"there is no job {job_id}", job_id)
        elif job.client != client.peer:
            text = f"{type(message).__name__} came from another client than the one job {job_id} is attached to"
            self._cluster.refuse(client, ErrorCode.NOT_YOURS, text, job_id)
        elif isinstance(job, Job):
            return job
        return None


def _is_asset(job: Job, message: Chunk) -> bool:
    """Whether a chunk is a file that a filter names. Raises ProtocolError for one too many."""
    request = job.request
    if message.stream < request.stream_count:
        return False
    if message.index >= len(request.assets):
        raise ProtocolError(
            ErrorCode.BAD_MESSAGE, f"job {job.id} has {len(request.assets)} files, and no file {message.index}"
        )
    return True


def _is_edited(old: Job, new: Job) -> bool:
    """Return True if two jobs want the same outputs of a source from the same place, and their sources differ."""
    one, other = old.request, new.request
    return (
        bool(one.origin)
        and one.origin == other.origin
        and one.outputs == other.outputs
        and one.source.get("fingerprint") != other.source.get("fingerprint")
    )
