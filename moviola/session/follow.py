"""A job that was submitted before, followed to its end: a brain without socket, clock or file."""

from __future__ import annotations

from moviola.base.file_names import is_file_name
from moviola.base.invocation import typed
from moviola.session.job_session import FINAL_STATES, JobSession, Phase, cancelled_by, fetched_later
from moviola.session.outcome import Remains, Status
from moviola.wire.messages import Error, Job, Watch


class FollowSession(JobSession):
    """Waits until a job is over and, where that is wanted, brings its files.

    Args:
        job: its id, whole.
        where: the middleware's name for people, such as `localhost:5000`.
        fetch: whether to bring the files of a job that ended well.
    """

    def __init__(self, job: str, where: str, *, fetch: bool) -> None:
        super().__init__(where)
        self._job, self._wants_files = job, fetch

    def _request(self) -> Watch:
        return Watch(self._job)

    def _heard(self, job: Job, now: float) -> None:
        if job.job != self._job or not is_file_name(job.job):
            return
        if self.phase is Phase.SUBMITTING:
            self._enter(Phase.WAITING)
        self._updated(job, now)

    def _progressed(self, job: Job) -> None:
        self._backoff.worked()

    def _final(self, job: Job) -> None:
        if not self._wants_files:
            return self._end(FINAL_STATES[job.state], job.reason, job.state)
        return super()._final(job)

    def _refused(self, error: Error) -> None:
        if self.phase is not Phase.FETCHING:  # a job whose files are here already may be forgotten
            self._end(Status.FAILED, error.text)

    def _remains(self) -> Remains:
        return Remains.FILES if self.phase is Phase.FETCHING else Remains.GOES_ON

    def _way_on(self) -> str:
        job = self._job
        if self._remains() is Remains.FILES:
            return f"job {job} has ended; {fetched_later(job)}"
        return f"job {job} goes on without us: {typed('jobs')} wait {job} comes back to it, and {cancelled_by(job)}"
