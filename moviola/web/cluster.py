"""`/api/stats`, `/api/filters`, `/api/workers`: what the cluster is made of, how it does, and which worker leaves."""

from __future__ import annotations

from dataclasses import field
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moviola.base.installation import version
from moviola.base.mapped import Mapped
from moviola.base.records import record
from moviola.base.texts import MAX_NAME
from moviola.base.vocabulary import ErrorCode, JobState, WorkerState, WorkerVerb
from moviola.web.access import User
from moviola.web.gateway import gateway_of, user_of
from moviola.web.problems import Problem
from moviola.wire.messages import Overview, Worker


@record
class TaskCounts(Mapped):
    """What the tasks of all jobs come to.

    Attributes:
        queued (tasks): that wait for a worker.
        in_flight (tasks): that workers have.
        handed_out (tasks): since the middleware started.
        retries (tasks): of these, after a failure or a loss.
        failures (tasks): that failed since the middleware started.
        losses (tasks): that were lost since the middleware started.
    """

    queued: int
    in_flight: int
    handed_out: int
    retries: int
    failures: int
    losses: int


@record
class Stats(Mapped):
    """How the cluster as a whole is doing, over the jobs of all users.

    Attributes:
        version: of the gateway.
        unix_s (s): when this was so, since 1970.
        jobs (jobs): by state; of those that are over the ones that are remembered.
        tasks: what the tasks of all jobs come to.
        frames_done (frames): since the middleware started.
        frames_per_s (frames/s): over the last seconds.
        received_bytes (bytes): that clients have sent since the middleware started.
        spool_bytes (bytes): that the middleware's spool holds.
        spool_limit_bytes (bytes): that it can hold.
        workers (workers): by state.
        aggregators: that are connected.
    """

    version: str
    unix_s: float
    jobs: dict[str, int]
    tasks: TaskCounts
    frames_done: int
    frames_per_s: float
    received_bytes: int
    spool_bytes: int
    spool_limit_bytes: int
    workers: dict[str, int]
    aggregators: int


@record
class TaskTold(Mapped):
    """A task that a worker holds.

    Attributes:
        job: whose it is; to an admin only.
        output: the output's number.
        chunk: the chunk's index.
        phase: `waiting`, `computing` or `delivering`.
        frames (frames): how many are done.
    """

    job: str | None
    output: int
    chunk: int
    phase: str
    frames: int


@record
class WorkerTold(Mapped):
    """A worker.

    Attributes:
        name: the worker's.
        state: whether it can take a task.
        filters: the names of those that it is given tasks for.
        kinds: of material that it can process.
        slots (tasks): that it computes at once.
        chunks (chunks): that it has done.
        frames (frames): that it has done.
        frames_per_s (frames/s): over the last seconds.
        failures (tasks): that failed on it.
        losses (tasks): that were lost with it.
        cpu_percent (%): of one core.
        memory_bytes (bytes): that its process has resident.
        heard_s (s): since it was last heard.
        tasks: that it holds.
        drained: once it is lost: it had been told to end, or to leave, and held nothing any more.
        labels: that it was started with.
    """

    name: str
    state: WorkerState
    filters: list[str]
    kinds: list[str]
    slots: int
    chunks: int
    frames: int
    frames_per_s: float
    failures: int
    losses: int
    cpu_percent: float
    memory_bytes: int
    heard_s: float
    tasks: list[TaskTold] = field(default_factory=list)
    drained: bool = False
    labels: list[str] = field(default_factory=list)


@record
class WorkerDone(Mapped):
    """What was done with a worker.

    Attributes:
        name: the worker's.
        answer: what was done, in a sentence.
    """

    name: str
    answer: str


async def stats(request: Request) -> Response:
    """Return how the cluster as a whole is doing, as it was in the last second."""
    user_of(request)
    return JSONResponse(stats_of(await gateway_of(request).overview.answer()).to_wire())


async def filters(request: Request) -> Response:
    """Return all filters that are known, what each takes, and how many connected workers offer it."""
    view = await gateway_of(request).mirror_of(user_of(request)).current()
    offered = view.offered_filters()
    told = [
        {**schema.to_wire(), "workers": offered[name][1] if name in offered else 0}
        for name, schema in sorted(view.known_filters().items())
    ]
    return JSONResponse({"filters": told})


async def workers(request: Request) -> Response:
    """Return the workers that are known: what each is, does and has done. Whose tasks it holds is told to admins."""
    user = user_of(request)
    view = await gateway_of(request).mirror_of(user).current()
    told = [worker_of(worker, user).to_wire() for _, worker in sorted(view.workers.items())]
    return JSONResponse({"workers": told})


async def drain_worker(request: Request) -> Response:
    """Give a worker no more tasks. It finishes or gives back what it holds, leaves, and stays away until its program is
    started again. Only admins may."""
    return await _control_worker(request, WorkerVerb.DRAIN)


async def resume_worker(request: Request) -> Response:
    """Have a worker go on that drains and has not left yet. Only admins may."""
    return await _control_worker(request, WorkerVerb.RESUME)


async def _control_worker(request: Request, verb: WorkerVerb) -> Response:
    gateway, user, name = gateway_of(request), user_of(request), request.path_params["name"]
    if not user.is_admin:
        detail = f"Worker {name:.80} is for all users; only admins may {verb} it"
        raise Problem(HTTPStatus.FORBIDDEN, detail, ErrorCode.NOT_YOURS)
    if len(name) > MAX_NAME:
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no worker {name:.80}…", ErrorCode.UNKNOWN_WORKER)
    answer = await gateway.caller.control_worker(gateway.cluster_user(user), name, verb)
    return JSONResponse(WorkerDone(name, answer).to_wire())


def stats_of(overview: Overview) -> Stats:
    """Return what is told of a cluster."""
    return Stats(
        version=version(),
        unix_s=overview.unix_s,
        jobs=_by(JobState, overview.jobs),
        tasks=TaskCounts(
            queued=overview.tasks_queued,
            in_flight=overview.tasks_in_flight,
            handed_out=overview.hand_outs,
            retries=overview.retries,
            failures=overview.failures,
            losses=overview.losses,
        ),
        frames_done=overview.frames_done,
        frames_per_s=round(overview.frames_per_s, 1),
        received_bytes=overview.received_bytes,
        spool_bytes=overview.spool_bytes,
        spool_limit_bytes=overview.spool_limit_bytes,
        workers=_by(WorkerState, overview.workers),
        aggregators=overview.aggregators,
    )


def worker_of(worker: Worker, user: User) -> WorkerTold:
    """Return what somebody is told of a worker: nothing of its machine, and of others' jobs no id."""
    facts = worker.facts
    return WorkerTold(
        name=worker.name,
        state=WorkerState(worker.state),
        filters=list(facts.filters),
        kinds=list(facts.kinds),
        slots=facts.slots,
        chunks=facts.chunks,
        frames=facts.frames,
        frames_per_s=round(facts.frames_per_s, 1),
        failures=facts.failures,
        losses=facts.losses,
        cpu_percent=facts.cpu_percent,
        memory_bytes=facts.memory_bytes,
        heard_s=round(facts.heard_s, 1),
        tasks=[
            TaskTold(task.job if user.is_admin else None, task.track, task.index, task.phase, task.frames)
            for task in facts.tasks
        ],
        drained=facts.drained,
        labels=list(facts.labels),
    )


def _by(states: Any, counts: dict[str, int]) -> dict[str, int]:
    """Return a count for each state, those that nothing is in too."""
    return {state.value: counts.get(state.value, 0) for state in states}


ROUTES: Final = (
    Route("/api/stats", stats, methods=["GET"]),
    Route("/api/filters", filters, methods=["GET"]),
    Route("/api/workers", workers, methods=["GET"]),
    Route("/api/workers/{name:path}/drain", drain_worker, methods=["POST"]),
    Route("/api/workers/{name:path}/resume", resume_worker, methods=["POST"]),
)
