"""One submission from the first dial to the last file: a brain without socket, clock or file.

After a lost connection the same key continues the same job.
"""

from __future__ import annotations

from dataclasses import replace

from moviola.base.details import Policy
from moviola.base.file_names import is_file_name
from moviola.base.vocabulary import ErrorCode, Notice
from moviola.media.material import Source
from moviola.session.events import ClusterMessage, Event, Exhausted, Pull, Pulled, Rewind, Send, ServerRole, Unreadable
from moviola.session.job_session import FINAL_STATES, JobSession, Phase, cancelled_by, fetched_later
from moviola.session.order import Submission, submission_key
from moviola.session.outcome import Remains, Status
from moviola.session.upload import WINDOW_SIZE, Upload
from moviola.wire.bitmap import Bitmap
from moviola.wire.errors import ProtocolError
from moviola.wire.messages import Chunk, ChunkWindow, End, Error, Job, Submit
from moviola.wire.messages import Event as Told
from moviola.wire.windows import Windows


class SubmitSession(JobSession):
    """The life of one submission.

    Args:
        submission: what to send.
        where: the middleware's name for people, such as `localhost:5000`.
        detach: leave when all is sent, rather than wait for the job.
        window_size: bytes of chunks that may be sent and not accepted yet.
        is_patient: as in JobSession.
    """

    def __init__(
        self,
        submission: Submission,
        where: str,
        *,
        detach: bool = False,
        window_size: int = WINDOW_SIZE,
        is_patient: bool = False,
    ) -> None:
        super().__init__(where, is_patient=is_patient)
        self.submission = submission
        self._detach = detach
        self._upload = Upload(submission.source.stream_count + bool(submission.order.assets), window_size)
        self._windows = Windows()
        self._source_at_end: Source | None = None  # as its reader knew it then

    @property
    def is_uploading(self) -> bool:
        """True until the middleware has accepted every chunk, or nobody wants the rest."""
        return self.phase not in (Phase.FETCHING, Phase.OVER) and not self._upload.all_accepted

    def _request(self) -> Submit:
        self._windows = Windows()  # of another connection
        submission = self.submission
        outputs = [output.to_wire() for output in submission.order.outputs]
        return Submit(
            key=submission.key,
            source=submission.source.to_wire(),
            outputs=outputs,
            policy=Policy(submission.order.on_error, submission.is_preview),
            priority=submission.priority,
            new=submission.new,
            origin=submission.origin,
            assets=[file.facts for file in submission.order.assets],
        )

    def _happened(self, event: Event) -> None:
        match event:
            case ClusterMessage(peer=ServerRole.MIDDLEWARE, message=Told(kind=Notice.SOURCE_EDITED, text=text)):
                self.remarks.append(text)
            case ClusterMessage(peer=ServerRole.MIDDLEWARE, message=ChunkWindow() as window):
                self._hear_window(window)
            case Pulled(chunk=chunk):
                self._upload.pulled(chunk)
            case Exhausted(source=source):
                self._source_at_end = source
                self._upload.exhausted()
            case Unreadable(reason=reason):
                self._end(Status.FAILED, reason)

    def _refused(self, error: Error) -> None:
        """It ends the submission, but not the connection."""
        if self.phase is Phase.FETCHING:
            return
        if self.phase is Phase.SUBMITTING and error.code == ErrorCode.BAD_JOB:
            self._end(Status.WRONG, f"the cluster refuses this job: {error.text}")
        else:
            self._end(Status.FAILED, error.text)

    def _remains(self) -> Remains:
        if self.record is None:
            return Remains.NOT_SENT
        if self.phase is Phase.FETCHING:
            return Remains.FILES
        return Remains.GOES_ON if self._all_sent else Remains.NEEDS_SOURCE

    def _way_on(self) -> str:
        if self.record is None:
            return "nothing was sent"
        job, remains = self.record.job, self._remains()
        if remains is Remains.FILES:
            return f"job {job} has ended; {fetched_later(job)}"
        again = "the same command without --new" if self.submission.new else "the same command"
        if remains is Remains.GOES_ON:
            return f"job {job} goes on without us: {again} comes back to it, and {cancelled_by(job)}"
        return f"job {job} waits for the rest of its source: {again} sends it, and {cancelled_by(job)}"

    # ── the job's records ────────────────────────────────────────────────────────────────────────────────────────

    def _hear_window(self, window: ChunkWindow) -> None:
        """Keep a part of the list of chunks that the cluster has; the Job record that follows has the rest."""
        try:
            self._windows.add(window)
        except ProtocolError as error:
            self._end(Status.FAILED, f"the cluster's list of the chunks that it has cannot be read: {error.text}")

    def _whole(self, job: Job) -> Job:
        """Return the record, with the chunks that the ChunkWindows before it have told added to its `have`."""
        if job.have is None:
            return job
        return replace(job, have=[bitmap.to_wire() for bitmap in self._windows.take(job.job, 0, job.have)])

    def _heard(self, job: Job, now: float) -> None:
        try:
            job = self._whole(job)
        except ProtocolError as error:
            return self._end(Status.FAILED, error.text)
        if self.phase is Phase.SUBMITTING and job.have is not None:  # the answer to our Submit
            if not is_file_name(job.job):
                return self._end(Status.FAILED, f"the job's id {job.job!r:.80} cannot be a folder's name")
            if self.record is None and any(job.have):
                there = sum(Bitmap(bits).count for bits in job.have)
                self.remarks.append(f"{self.submission.source.name}: continues job {job.job}, {there} chunks are there")
            self._upload.begin_again()
            self._enter(Phase.SENDING)
        elif self.record is None or job.job != self.record.job or self.phase in (Phase.DIALLING, Phase.SUBMITTING):
            return None
        return self._updated(job, now)

    def _progressed(self, job: Job) -> None:
        if self._upload.acknowledge(job.accepted) or self.phase is Phase.WAITING:
            self._backoff.worked()
        if job.have is not None and self._upload.continue_from(job.have):
            self._outbox.append(Rewind())
            if self.phase is Phase.WAITING:
                self._enter(Phase.SENDING)
        self._leave()

    def _final(self, job: Job) -> None:
        if self._detach:
            return self._end(FINAL_STATES[job.state], job.reason, job.state)
        return super()._final(job)

    @property
    def _all_sent(self) -> bool:
        """Whether the middleware has the whole source on disk, and knows that it is the whole."""
        assert self.record is not None
        return self.record.progress.chunks_total is not None and self._upload.all_accepted

    def _go_on(self) -> None:
        """Sends what there is room for, and asks for the next chunk; at the end, says so."""
        if self.phase is not Phase.SENDING:
            return
        assert self.record is not None
        job = self.record.job
        for chunk in self._upload.take(self.record.send_window_bytes):
            message = Chunk(job, chunk.stream, chunk.index, chunk.frame_count)
            self._outbox.append(Send(ServerRole.MIDDLEWARE, message, chunk.payload))
        if self._upload.wants_chunk():
            self._outbox.append(Pull())
        counts = self._upload.chunk_counts()
        if counts is not None:
            self._outbox.append(Send(ServerRole.MIDDLEWARE, self._end_of(job, counts)))
            self._enter(Phase.WAITING)
            self._leave()

    def _leave(self) -> None:
        """End a session that detaches, if everything is sent. This is called at each record, and right after the End is
        sent: if the cluster had everything before, no further record may come."""
        if self._detach and self.phase is Phase.WAITING and self._all_sent:
            assert self.record is not None
            self._end(Status.DONE, "", self.record.state)

    def _end_of(self, job: str, counts: list[int]) -> End:
        """Return the End of a job, which describes its source again where more is known of it than at the beginning."""
        whole, submission = self._source_at_end, self.submission
        if whole is None or whole.fingerprint == submission.source.fingerprint:
            return End(job, counts)
        return End(job, counts, whole.to_wire(), submission_key(whole, submission.order))

    def _let_go(self) -> None:
        self._upload.forget()

    def validate(self) -> None:
        """Raise AssertionError where the session contradicts itself or its upload."""
        super().validate()
        self._upload.validate()
