"""`moviola.Cluster.ray`: a Ray cluster that somebody else runs, and the jobs that it is given."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Unpack

from moviola.api.display import ProgressOption, SilentDisplay
from moviola.api.errors import Closed, UsageError, translated
from moviola.api.options import Filters, JobOptions, PathLike, Source, settings_from
from moviola.api.plan import Planned, planned
from moviola.api.process import IN_THIS_PROCESS
from moviola.api.progress import Progress
from moviola.api.results import Result, result_of
from moviola.api.waiting import Block, Submissions, changes, wait_until_over
from moviola.base.installation import state_folder
from moviola.base.vocabulary import JobState
from moviola.filters import registry
from moviola.media.kinds import verify
from moviola.session import engines
from moviola.session.faults import contained_of
from moviola.session.outcome import Outcome, Status
from moviola.session.rates import Rates
from moviola.session.views import JobView

ENGINE_REFUSES: Final = ("priority",)
"""Options that mean nothing on an engine, which has queues of its own."""


class EngineCluster(Block):
    """A cluster that others run, behind an engine. Made by `Cluster.ray`; `with` closes it.

    Jobs are done one after the other, in a thread of this object: each takes all that the cluster has free. Leaving the
    block waits for them, and raises the first failure that nobody has heard of; an exception leaves at once. All
    methods may be called from any thread.

    Args:
        where: the engine's name, with the address that may stand behind it.
        plugins: files of filters. Those that this program defines are there as well.
        results: the folder that has a folder for each job, where no `out` is given.
        state: the folder where results wait until a job has all of them.

    Raises:
        Unreachable: the engine cannot be used.
        UsageError: an argument cannot be.
    """

    def __init__(self, where: str, *, plugins: Iterable[PathLike], results: PathLike, state: PathLike | None) -> None:
        self._where, self._results = where, Path(results)
        self._state = state_folder() if state is None else Path(state)
        self._named = tuple(Path(each).resolve() for each in plugins)
        self._written = Path(tempfile.mkdtemp(prefix="moviola-"))
        self._submitted = Submissions[EngineJob]()
        self._connection = ExitStack()
        self._executor = ThreadPoolExecutor(1, "moviola")
        try:
            with translated():
                for path in self._named:
                    registry.load_plugin(path)
                self._engine, self._versions = self._connected(), self._filters()
        except BaseException:
            self.close()
            raise

    def _submissions(self) -> Submissions[EngineJob]:
        return self._submitted

    def close(self) -> None:
        """End what is under way, and leave the cluster. What has come of a job is kept: submitted again, it goes on."""
        for job in self._submitted:
            job.leave()
        self._executor.shutdown(cancel_futures=True)
        self._connection.close()
        shutil.rmtree(self._written, ignore_errors=True)

    def submit(
        self, source: Source, filters: Filters = None, *, out: PathLike | None = None, **options: Unpack[JobOptions]
    ) -> EngineJob:
        """Have a video, images or tables done, and return the job. The source is read when its turn has come.

        Args:
            source: a file or a folder; or several files that belong together.
            filters: a chain, several chains, or output names with their chains.
            out: a file for one output, a folder for several; by default a folder of the job's name in `results`.
            options: as moviola.JobOptions lists them, without `priority`.

        Raises:
            UsageError: an argument cannot be.
            Closed: this object was closed.
        """
        with translated():
            settings = settings_from(filters, out, options)
            for name in ENGINE_REFUSES:
                if options.get(name):
                    raise UsageError(f"{name} is for a Moviola cluster, not for an engine; leave it out")
            plan = planned(source, settings, registry.schemas(), options, self._results)
        job = EngineJob(plan)
        try:
            job.start(self._executor.submit(self._done, job))
        except RuntimeError as error:
            raise Closed(f"{job.name}: this cluster object is closed; make another one") from error
        self._submitted.add(job)
        return job

    # ── in the thread ────────────────────────────────────────────────────────────────────────────────────────────

    def _done(self, job: EngineJob) -> Outcome:
        """Return what came of a job."""
        plan = job.plan
        if plan.destination.finished is not None:
            return plan.destination.finished
        material, order = plan.material, plan.destination.order
        fresh, tell, display = plan.settings.new, plan.tell, _Watched(job)
        try:
            with translated(), IN_THIS_PROCESS:
                self._renew()
                if plan.settings.verify_cuts:
                    with contained_of(material):
                        verify(material, order.cutting)
                place = plan.destination.place
                return engines.run(self._engine, material, order, place, display, fresh=fresh, tell=tell)
        except KeyboardInterrupt as interrupt:
            return Outcome(material.name, "", Status.CANCELLED, JobState.CANCELLED, str(interrupt))

    def _renew(self) -> None:
        """Connect again where this program has defined a filter since."""
        versions = self._filters()
        if versions != self._versions:
            self._connection.close()
            self._engine, self._versions = self._connected(), versions

    def _connected(self) -> engines.Engine:
        from moviola.api.decorated import decorated  # noqa: PLC0415 - numpy and codecs
        from moviola.api.written_out import plugin_files  # noqa: PLC0415

        files = plugin_files([kind.function for kind in decorated().values()], self._written)
        plugins = [*self._named, *(file for file in files if file not in self._named)]
        return self._connection.enter_context(engines.connected(self._where, plugins, self._state))

    @staticmethod
    def _filters() -> dict[str, str]:
        """The versions of the filters that this program defines, by name."""
        from moviola.api.decorated import decorated  # noqa: PLC0415 - numpy and codecs

        return {name: kind.written for name, kind in decorated().items()}


class EngineJob:
    """A job on an engine. Made by `EngineCluster.submit`. All methods may be called from any thread."""

    def __init__(self, plan: Planned) -> None:
        self.plan = plan
        self._was_told = False  # how the job ended, by `wait`
        self._future: Future[Outcome]
        self._news = threading.Condition()
        self.view: JobView | None = None
        """How far the job is, as displays take it and as was last heard; None before anything was."""
        self._rates, self._rate = Rates(), 0.0
        self._is_cancelled = False  # by who has this object
        self._is_left = False  # it is to end, for that or because the cluster object is closed

    def __repr__(self) -> str:
        return f"<EngineJob {self.name}: {self.state}>"

    def start(self, future: Future[Outcome]) -> None:
        """Take note of what will be its outcome."""
        self._future = future
        future.add_done_callback(lambda _future: self._notify())

    @property
    def name(self) -> str:
        """What people call it: its source's name."""
        return self.plan.material.name

    @property
    def is_over(self) -> bool:
        """True when it has ended, well or not."""
        return self._future.done()

    @property
    def is_settled(self) -> bool:
        """True when it need not be waited for any more: it ended well, or `wait` has told how it ended."""
        return self._was_told or self._has_results

    @property
    def _has_results(self) -> bool:
        return self.state in (JobState.DONE, JobState.PARTIAL)

    @property
    def state(self) -> str:
        """ "pending", "running", or how it ended: "done", "partial", "failed" or "cancelled"."""
        if not self._future.done():
            return JobState.RUNNING if self._future.running() else JobState.PENDING
        if self._future.cancelled() or self._future.exception() is not None:
            return JobState.CANCELLED if self._future.cancelled() else JobState.FAILED
        return self._future.result().state

    @property
    def progress(self) -> Progress | None:
        """How far it is, as it was last heard of; None before anything is."""
        if self.view is not None:
            return Progress.of(self.view, self._rate)
        return Progress.at_end(self.wait()) if self._has_results else None  # they were there already

    def __iter__(self) -> Iterator[Progress]:
        """Yield how far it is, whenever that has changed, until it has ended. Raises as `wait` does at the end."""
        for view in changes(self):
            yield Progress.of(view, self._rate)
        self.wait()

    def wait(self, timeout: float | None = None, *, progress: ProgressOption = False) -> Result:
        """Wait until the job has ended; return where its files are.

        Args:
            timeout: in seconds; None waits as long as it takes.
            progress: as in `moviola.process`, but nothing is shown by default.

        Raises:
            JobFailed, JobCancelled: it ended without results.
            UnreadableSource: the source cannot be taken.
            Timeout: it goes on.
            Closed: the cluster object was closed before it had ended.
        """
        wait_until_over(self, self, timeout, progress)
        self._was_told = True
        outcome = self._outcome()
        if outcome.status is Status.CANCELLED and not self._is_cancelled:
            raise Closed(f"{self.name}: this cluster object was closed before the job had ended; submit it again")
        return result_of(outcome, self.plan.destination.place)

    result = wait

    def wait_for_news(self, seen: JobView | None, timeout_s: float | None = None) -> None:
        """Wait until the job is over or its view is another one than `seen`, for at most `timeout_s` seconds."""
        with self._news:
            self._news.wait_for(lambda: self.is_over or self.view != seen, timeout_s)

    def cancel(self) -> None:
        """End the job, within a second while it is computed. What has come is kept: submitted again, it goes on."""
        self._is_cancelled = True
        self.leave()

    def leave(self) -> None:
        """End the job as `cancel` does, because the cluster object is closed."""
        self._is_left = True
        self._future.cancel()

    def seen(self, view: JobView, now: float) -> None:
        """Take note of how far the job is. Raises KeyboardInterrupt if it is to end, which ends its run."""
        if self._is_left:
            raise KeyboardInterrupt
        self._rate = self._rates.update([view], now)[view.id]
        self.view = view
        self._notify()

    def _outcome(self) -> Outcome:
        """How the job ended. Raises what it ended with instead."""
        if self._future.cancelled():
            return Outcome(self.name, "", Status.CANCELLED, JobState.CANCELLED, "cancelled before it had begun")
        return self._future.result()

    def _notify(self) -> None:
        with self._news:
            self._news.notify_all()


class _Watched(SilentDisplay):
    """Tells a job how far it is."""

    def __init__(self, job: EngineJob) -> None:
        self._job = job

    def show(self, views: Sequence[JobView], now: float) -> None:
        """Tell the job."""
        for view in views:
            self._job.seen(view, now)
