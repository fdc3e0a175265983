"""A job of a cluster: how far it is, what came of it, and what shall become of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from moviola.api.display import ProgressOption
from moviola.api.driver import Driven, Driver
from moviola.api.errors import Closed, Timeout, UnreadableSource, UsageError, translated
from moviola.api.live_frames import LiveFrames, without_pictures
from moviola.api.progress import Progress
from moviola.api.results import Result, result_of
from moviola.api.spelling import in_python
from moviola.api.waiting import Submissions, changes, wait_until_over
from moviola.base.vocabulary import Verb
from moviola.media import errors as media
from moviola.media import kinds
from moviola.session import rpc
from moviola.session.destination import Place
from moviola.session.job_session import FINAL_STATES
from moviola.session.outcome import Outcome, Status
from moviola.session.run import FollowRequest, UploadRequest
from moviola.session.target import as_sentence
from moviola.wire.limits import MAX_PRIORITY
from moviola.wire.messages import Job as JobRecord

if TYPE_CHECKING:
    from moviola.media.frame import Frame

UNSENT: Final = "sending"
"""The state of a job of which the cluster has not answered yet."""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What a cluster tells of a job.

    Attributes:
        id: of the job.
        name: of its source.
        user: whose it is.
        state: "pending", "running", "paused", "done", "partial", "failed" or "cancelled".
        reason: why it is in this state; empty where nothing needs to be said.
        priority: 0 to 100.
        outputs: their names.
        submitted: when.
        seconds: from submission to the end; 0 before.
        frames_done: over all outputs.
        frames_wanted: over all outputs; None until all of the source is sent.
    """

    id: str
    name: str
    user: str
    state: str
    reason: str
    priority: int
    outputs: tuple[str, ...]
    submitted: datetime
    seconds: float
    frames_done: int
    frames_wanted: int | None

    @property
    def is_over(self) -> bool:
        """True when the job has ended, well or not."""
        return self.state in FINAL_STATES

    @classmethod
    def of(cls, record: JobRecord) -> Self:
        """Return what a record of the wire tells."""
        return cls(
            id=record.job,
            name=record.name,
            user=record.user,
            state=record.state,
            reason=in_python(record.reason),
            priority=record.priority,
            outputs=tuple(record.progress.outputs),
            submitted=datetime.fromtimestamp(record.submitted_unix_s, UTC),
            seconds=record.seconds,
            frames_done=record.progress.frames_done,
            frames_wanted=record.progress.frames_wanted,
        )


class Job:
    """A job of a cluster. Made by `Cluster.submit`, `Cluster.job` and `Cluster.jobs`.

    What was submitted goes on by itself, in a thread of the cluster object. Of a job that was submitted before, or
    elsewhere, nothing is fetched before it is waited for. All methods may be called from any thread.
    """

    def __init__(
        self,
        driver: Driver,
        request: UploadRequest | FollowRequest,
        record: JobRecord | None = None,
        submissions: Submissions[Job] | None = None,
    ) -> None:
        self._driver, self._request = driver, request
        self._record = record  # as it was when this object was made
        self._submissions = submissions  # among which it is waited for
        self._driven: Driven | None = None

    @classmethod
    def ended(cls, driver: Driver, outcome: Outcome, place: Place) -> Self:
        """Return a job whose files are all there already, so that nothing is to be sent."""
        request = FollowRequest(outcome.job_id, outcome.source, place, fetch=True, unit=outcome.unit)
        job = cls(driver, request)
        job._driven = Driven(request, driver.changed, is_sent=True, outcome=outcome)
        return job

    def __repr__(self) -> str:
        is_known = isinstance(self._request, FollowRequest) or self._known() is not None
        return f"<Job {self.id if is_known else '(not submitted yet)'}: {self.name}, {self.state}>"

    def start(self) -> None:
        """Have the job carried on, or followed. Raises Closed."""
        self._follow()

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def name(self) -> str:
        """What people call it: its source's name."""
        return self._request.name

    @property
    def id(self) -> str:
        """The job's id. Waits until the cluster has given one. Raises JobFailed where it never does."""
        if isinstance(self._request, FollowRequest):
            return self._request.job
        self._driver.wait(lambda: self._known() is not None or self._is_over())
        record = self._known()
        return self.wait().job_id if record is None else record.job  # or `wait` tells why there is none

    @property
    def state(self) -> str:
        """The state as it was last heard of: as in JobStatus, or "sending" before the cluster has answered."""
        driven = self._driven
        if driven is not None and driven.outcome is not None:
            return driven.outcome.state
        record = self._known()
        return UNSENT if record is None else record.state

    @property
    def is_over(self) -> bool:
        """True when it has ended, well or not, and its files are here if they were waited for."""
        return self._is_over() or (self._driven is None and self.state in FINAL_STATES)

    @property
    def is_settled(self) -> bool:
        """True when it need not be waited for any more: it ended well, or `wait` has told how it ended."""
        driven = self._driven
        return driven is not None and driven.is_settled

    @property
    def progress(self) -> Progress:
        """How far it is, as it was last heard of. Raises as `wait` does where it ended before anything was heard."""
        driven = self._follow()
        self._driver.wait(lambda: driven.view is not None or driven.is_over)
        if driven.view is None:  # its results were there already, or it was never begun
            return Progress.at_end(self._result(driven))
        return Progress.of(driven.view, driven.rate)

    def status(self) -> JobStatus:
        """Ask the cluster for what it knows now. Raises Unreachable, Refused."""
        with translated():
            return JobStatus.of(rpc.job_details(self._driver.target, self.id))

    # ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────

    def __iter__(self) -> Iterator[Progress]:
        """Yield how far it is, whenever that has changed, until it has ended. Raises as `wait` does at the end."""
        driven = self._follow()
        for view in changes(driven):
            yield Progress.of(view, driven.rate)
        self.wait()

    def wait(self, timeout: float | None = None, *, progress: ProgressOption = False) -> Result:
        """Wait until the job has ended and its files are here; return where they are.

        Args:
            timeout: in seconds; None waits as long as it takes.
            progress: as in `moviola.process`, but nothing is shown by default.

        Raises:
            JobFailed, JobCancelled: it ended without results.
            Unreachable: the cluster was lost, and did not come back.
            Timeout: it goes on.
            Closed: the cluster object was closed before it had ended.
        """
        driven = self._follow()
        wait_until_over(self, driven, timeout, progress)
        return self._result(driven)

    result = wait

    def wait_until_sent(self, timeout: float | None = None) -> None:
        """Wait until the cluster has the whole source: the job then goes on without this process.

        Args:
            timeout: in seconds; None waits as long as it takes.

        Raises:
            Timeout: it is still being sent.
            JobFailed, Unreachable, Closed: as `wait` does.
        """
        driven = self._follow()
        if not self._driver.wait(lambda: driven.is_sent or driven.is_over, timeout):
            raise Timeout(f"{self!r} has not been sent within {timeout} s; it goes on being sent")
        if driven.is_over:
            self.wait()

    def frames(self, output: str | None = None) -> Iterator[Frame]:
        """Yield the pictures of an output, decoded, in order, each with its time and with what filters noted of it.

        They come while the job runs: a chunk's as soon as it and all before it are stored. One chunk is asked for at a
        time, so that a slow loop keeps no more than that in memory. When the job ends before all have been taken, the
        others are read from the finished file. The last one is followed by the job's end, as `wait` tells it.

        Args:
            output: its name; None for the only one.

        Raises:
            UsageError: there is no such output, or it has no pictures.
            Refused: so many read results already that the cluster takes no more.
            JobFailed, JobCancelled, Unreachable, Closed: as `wait` does.
        """
        return self._frames(output, self._track(output))

    def _frames(self, output: str | None, track: int | None) -> Iterator[Frame]:
        from moviola.api.frames import Seen, frames_of_result  # noqa: PLC0415 - codecs, which a job without frames does without

        seen = Seen()
        if track is not None and not self.is_over:
            live = LiveFrames(self._driver.target, self.id, track, lambda: self._driver.is_closing)
            for frame in live:
                yield frame
                seen.add(frame)
            if live.is_complete:
                self.wait()
                return
        result = self.wait()
        finished = result.output if output is None else result[output]
        yield from frames_of_result(finished, seen)

    def _track(self, output: str | None) -> int | None:
        """Return the number of an output; None where it is not known which there are. Raises UsageError."""
        if isinstance(self._request, UploadRequest):
            submission = self._request.submission
            outputs = {one.name: one for one in submission.order.outputs}
            check_output(output, list(outputs), self.name)
            name = output or next(iter(outputs))
            if not kinds.has_pictures(submission.source.kind, outputs[name]):
                raise UsageError(without_pictures(name, self.name))
            return list(outputs).index(name)
        record = self._known()
        if record is None:
            return None
        names = list(record.progress.outputs)
        check_output(output, names, self.name)
        return names.index(output or names[0])

    # ── what shall become of it ──────────────────────────────────────────────────────────────────────────────────

    def cancel(self) -> str:
        """End the job and free its workers at once. Return what the cluster says to it. Raises Refused."""
        return self._control(Verb.CANCEL)

    def pause(self) -> str:
        """Have nothing more of it handed out until `resume`. Return what the cluster says to it. Raises Refused."""
        return self._control(Verb.PAUSE)

    def resume(self) -> str:
        """Have a paused job go on. Return what the cluster says to it. Raises Refused."""
        return self._control(Verb.RESUME)

    def set_priority(self, priority: int) -> str:
        """Have its next tasks go before those of your other jobs that have a lower priority. Return what the cluster
        says to it.

        Args:
            priority: 0 to 100.

        Raises:
            UsageError: it is another number, or none.
            Refused: the job is over.
        """
        if type(priority) is not int or not 0 <= priority <= MAX_PRIORITY:
            raise UsageError(f"priority is a whole number from 0 to {MAX_PRIORITY}, not {priority!r:.80}")
        return self._control(Verb.PRIORITY, priority)

    def forget(self) -> str:
        """Take an ended job out of the cluster's list; its files stay. Return what the cluster says to it."""
        return self._control(Verb.FORGET)

    def retry(self) -> str:
        """Begin a failed or cancelled job again. Return what the cluster says to it. Raises Refused, UnreadableSource.

        Its source is sent again by the object that submitted it; of another one, submit the same source once more.
        """
        answer = self._control(Verb.RETRY)
        if self._driven is not None and self._driven.is_over:
            if isinstance(self._request, UploadRequest):
                try:
                    self._request.reader.rewind()
                except media.UnreadableSource as error:
                    raise UnreadableSource(error.path, error.reason, error.hint) from error
                submission = replace(self._request.submission, new=False)
                self._request = replace(self._request, submission=submission)
            self._driven, self._record = None, None
            self._follow()
            if self._submissions is not None:
                self._submissions.add(self)
        return answer

    def _control(self, verb: Verb, priority: int | None = None) -> str:
        with translated():
            return as_sentence(rpc.control(self._driver.target, self.id, verb, priority))

    # ── with the driver ──────────────────────────────────────────────────────────────────────────────────────────

    def _follow(self) -> Driven:
        """Have the job carried on, or followed, if that is not done yet."""
        with self._driver.changed:  # of several threads that ask for it first, one starts it
            if self._driven is None:
                self._driven = self._driver.start(self._request)
            return self._driven

    def _known(self) -> JobRecord | None:
        driven = self._driven
        return driven.record if driven is not None and driven.record is not None else self._record

    def _is_over(self) -> bool:
        return self._driven is not None and self._driven.is_over

    def _result(self, driven: Driven) -> Result:
        driven.was_told = True
        if driven.bug is not None:
            raise driven.bug
        outcome = driven.outcome
        assert outcome is not None
        if driven.was_left and outcome.status is Status.CANCELLED:
            raise Closed(as_sentence(f"{outcome.source}: {self._driver.parting or outcome.reason}"))
        return result_of(outcome, self._request.place)


def check_output(output: str | None, names: Sequence[str], of: str) -> None:
    """Raise UsageError where there is no such output among `names`, or where None does not say which."""
    listed = ", ".join(names) or "none"
    if output is None and len(names) != 1:
        raise UsageError(f"{of} has {len(names)} outputs; name one of {listed}")
    if output is not None and output not in names:
        raise UsageError(f'{of} has no output "{output}"; there are {listed}')
