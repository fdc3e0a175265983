"""`moviola.Cluster`: a cluster that is there, and what it is asked to do."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from moviola.api.display import log
from moviola.api.driver import Driver
from moviola.api.errors import UsageError, translated
from moviola.api.events import EventStream, stream
from moviola.api.job import Job
from moviola.api.options import Filters, JobOptions, PathLike, Source, filters_in, settings_from
from moviola.api.plan import planned
from moviola.api.process import IN_THIS_PROCESS
from moviola.api.spelling import in_python
from moviola.api.waiting import Block, Submissions
from moviola.api.workers import WorkerInfo
from moviola.base.config_files import ConfigError
from moviola.base.layers import resolved
from moviola.base.vocabulary import Topic
from moviola.filters.schema import Parameter
from moviola.session import jobs
from moviola.session.cluster_settings import ClientSettings
from moviola.session.cluster_view import ClusterView, look
from moviola.session.known_filters import schemas_for
from moviola.session.preparing import upload_request
from moviola.session.target import Target
from moviola.wire.messages import Job as JobRecord

if TYPE_CHECKING:
    from moviola.api.engine_cluster import EngineCluster
    from moviola.api.local_cluster import LocalCluster


@dataclass(frozen=True, slots=True)
class FilterInfo:
    """A filter that a cluster has. `workers` counts those that are given tasks for it; `label` is what a worker must be
    labelled with for that, empty for any."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    workers: int
    label: str = ""


class Cluster(Block):
    """A cluster that is there. Making one asks the middleware; `with` closes it.

    Leaving the block waits for the jobs that were submitted in it, and raises the first failure that nobody has heard
    of; an exception leaves at once. A cluster goes on with what it has been sent; `Cluster.local` makes one that is
    stopped. All methods may be called from any thread.

    Args:
        host: of the middleware. As all that is left out: what MOVIOLA_HOST or a configuration file says, as for the
            command.
        port: of the middleware.
        secret_file: the file with the cluster's secret.
        no_secret: for a cluster that has none.
        user: whose jobs are submitted and seen.
        results: the folder that has a folder for each job, where no `out` is given.

    Raises:
        Unreachable: no middleware answers.
        Refused: it does, and says no: the secret is another.
        UsageError: an argument cannot be.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        secret_file: PathLike | None = None,
        no_secret: bool | None = None,
        user: str | None = None,
        results: PathLike | None = None,
    ) -> None:
        given: dict[str, Any] = {
            "host": host,
            "port": port,
            "secret_file": None if secret_file is None else Path(secret_file),
            "no_secret": no_secret,
            "user": user,
            "results": None if results is None else Path(results),
        }
        settings = _settings({name: value for name, value in given.items() if value is not None})
        with translated():
            target = settings.target
            look(target, [Topic.JOBS])
        self._open(target, settings.results)

    @staticmethod
    def local(
        workers: int | None = None,
        *,
        state: PathLike | None = None,
        results: PathLike = "results",
        plugins: Iterable[PathLike] = (),
        labels: Sequence[str] = (),
        user: str | None = None,
    ) -> LocalCluster:
        """Start a cluster on this machine: middleware, aggregator and workers, as processes of their own.

        It ends when its block is left, whether by an exception or not, when the object goes, and when this process
        ends, however it does; what it was at is lost with it. Filters that this program defines are there.

        Args:
            workers: processes that compute; one a core by default.
            state: the folder of its state, which is kept, so that another one goes on with its jobs; by default a
                temporary one.
            results: the folder that has a folder for each job, where no `out` is given.
            plugins: files of filters.
            labels: of the workers, for filters that ask for one, such as ["gpu"].
            user: whose jobs are submitted; by default the system's user.

        Raises:
            Unreachable: a program does not stay up; its last words are told.
            UsageError: an argument cannot be.
        """
        from moviola.api.local_cluster import local  # noqa: PLC0415 - what starts programs, which others do without

        return local(workers, state=state, results=results, plugins=plugins, labels=labels, user=user)

    @staticmethod
    def ray(
        address: str = "",
        *,
        plugins: Iterable[PathLike] = (),
        results: PathLike = "results",
        state: PathLike | None = None,
    ) -> EngineCluster:
        """Connect to a Ray cluster that somebody else runs, whose nodes compute. It needs the extra `ray`.

        Filters that this program defines are there. Moviola has to be installed on the nodes.

        Args:
            address: HOST:PORT of Ray's head; by default what RAY_ADDRESS says, or the cluster that this machine has
                joined. Where this program is connected to Ray already, that connection is used.
            plugins: files of filters.
            results: the folder that has a folder for each job, where no `out` is given.
            state: the folder where results wait until a job has all of them; by default the installation's.

        Raises:
            Unreachable: there is no Ray, no cluster, or its nodes do not go together.
            UsageError: an argument cannot be.
        """
        from moviola.api.engine_cluster import EngineCluster  # noqa: PLC0415 - codecs, which others do without

        where = f"ray://{address}" if address else "ray"
        return EngineCluster(where, plugins=plugins, results=results, state=state)

    def _before_submit(self, filters: Iterable[str]) -> None:
        """What is to be done before a job of these filters is submitted."""

    def _open(self, target: Target, results: Path, parting: str = "") -> None:
        """Begin to be the cluster at `target`."""
        self._target, self._results = target, results
        self._driver = Driver(target, parting)
        self._submitted = Submissions[Job]()

    @property
    def target(self) -> Target:
        """Where it is, and who asks; for the rest of this package."""
        return self._target

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self._target.address}>"

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _submissions(self) -> Submissions[Job]:
        return self._submitted

    def close(self) -> None:
        """Leave the cluster at once. It goes on with jobs of which it has the whole source; `Cluster.local` stops."""
        self._driver.close()

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def submit(
        self, source: Source, filters: Filters = None, *, out: PathLike | None = None, **options: Unpack[JobOptions]
    ) -> Job:
        """Send a video, images or tables to the cluster, and return the job, which goes on by itself.

        The source is read and checked before this returns, and sent after that. What is sent again, as a whole or
        the rest of it, continues its job, unless `new` is said. Up to 64 jobs are under way at a time; a further
        call waits for one of them to end.

        Args:
            source: a file or a folder; or several files that belong together.
            filters: a chain, several chains, or output names with their chains.
            out: a file for one output, a folder for several; by default a folder of the job's name in the cluster's
                `results`.
            options: as moviola.JobOptions lists them.

        Raises:
            UsageError: an argument cannot be.
            UnreadableSource: the source cannot be taken.
            Unreachable: nobody answers, or nobody could know one of the filters.
        """
        with translated():
            settings = settings_from(filters, out, options)
            names = filters_in(settings)
            self._before_submit(names)
            schemas = schemas_for(names, self._target, _unsaid)
            plan = planned(source, settings, schemas, options, self._results)
            destination = plan.destination
            if destination.finished is not None:
                return Job.ended(self._driver, destination.finished, destination.place)
            self._driver.wait_for_place()
            with IN_THIS_PROCESS:
                request = upload_request(plan.material, destination.order, destination.place, settings)
        for remark in request.preflight.remarks() if request.preflight is not None else ():
            log.info("%s: %s", request.name, in_python(remark))
        job = Job(self._driver, request, submissions=self._submitted)
        job.start()
        self._submitted.add(job)
        return job

    def jobs(self) -> list[Job]:
        """Return the jobs that the cluster knows, oldest first. Raises Unreachable, Refused, Timeout."""
        records = sorted(self._look(Topic.JOBS).jobs.values(), key=lambda record: record.submitted_unix_s)
        return [self._job(record, None) for record in records]

    def job(self, id: str, *, out: PathLike | None = None, overwrite: bool = False) -> Job:
        """Return a job that was submitted before.

        Args:
            id: of the job, or the beginning of one, or "latest".
            out: where its files go when it is waited for; a folder of the job's name in the cluster's `results` by
                default.
            overwrite: replace files that are there and are not the job's.

        Raises:
            UsageError: there is no such job, or several may be meant.
        """
        known = self._look(Topic.JOBS).jobs
        with translated():
            return self._job(jobs.find(known, id), None if out is None else os.fspath(out), overwrite=overwrite)

    def _job(self, record: JobRecord, out: str | None, *, overwrite: bool = False) -> Job:
        return Job(
            self._driver, jobs.follow_request(record, out, self._results, fetch=True, overwrite=overwrite), record
        )

    # ── what is there ────────────────────────────────────────────────────────────────────────────────────────────

    def filters(self) -> Mapping[str, FilterInfo]:
        """Return the filters that the connected workers have, by name. Raises Unreachable, Refused, Timeout."""
        offered = self._look(Topic.WORKERS).offered_filters()
        return {
            name: FilterInfo(name, schema.summary, schema.parameters, count, schema.label)
            for name, (schema, count) in sorted(offered.items())
        }

    def workers(self) -> Sequence[WorkerInfo]:
        """Return the worker processes, by name, the lost ones too. Raises Unreachable, Refused, Timeout."""
        known = self._look(Topic.WORKERS).workers
        return [WorkerInfo.of(record, self._target) for _, record in sorted(known.items())]

    def events(
        self,
        *,
        job: str = "",
        kinds: Collection[str] = (),
        after: str = "",
        since: float | None = None,
        timeout: float | None = None,
    ) -> EventStream:
        """Return what happens in the cluster from now on, to be iterated over and closed, as by `with`.

        Lost connections are made again, and nothing is lost with them: docs/EVENTS.md tells what is promised, and what
        each kind means.

        Args:
            job: the id of one job; only its events come, until it has ended.
            kinds: only events of these kinds, such as "job-done"; all by default.
            after: the id of the last event that is known, as text: what happened after it comes first.
            since: seconds since 1970: what happened since then comes first, as far as it is kept.
            timeout: seconds without an event after which Timeout is raised; None: never.

        Raises:
            UsageError: there is no such kind, or `after` is no id.
            Unreachable, Refused, Timeout: the cluster cannot be listened to.
        """
        return stream(self._target, job, kinds, after, since, timeout)

    def _look(self, *topics: Topic) -> ClusterView:
        with translated():
            return look(self._target, topics)


def _settings(given: Mapping[str, Any]) -> ClientSettings:
    try:
        return resolved(ClientSettings, given)
    except (ConfigError, ValueError) as error:
        raise UsageError(str(error)) from error


def _unsaid(_sentence: str) -> None:
    """What the command says while it waits: a program waits without."""
