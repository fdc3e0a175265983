"""What must hold after each turn of the middleware: nothing waits in vain, and nothing stays for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from middleware.model.cluster import Cluster
from middleware.model.job import Job as MiddlewareJob
from middleware.model.states import JobState, WorkerState
from moviola.wire import limits
from tests.simulation.checks.messages import WATCHERS, MessageChecks
from tests.simulation.checks.room import RoomChecks
from tests.simulation.checks.streams import streamed_jobs_are_known_whole
from tests.simulation.checks.tasks import no_task_waits_for_a_free_worker, queued_count

if TYPE_CHECKING:
    from tests.simulation.scenario import Scenario


TOLD_S: Final = 5.0
"""How long who watches may not have been told of a job's new state: dozens of records leave one by one."""

ASSESSED_S: Final = 1.0
"""How long what is said of a job may not be so any more: all jobs are looked at a few times a second."""

EXPIRY_SLACK_S: Final = 10.0
"""What an upload's expiry may come too late: a scan, and time in which the middleware stood still."""


class TurnChecks:
    """Looks at the middleware after each of its turns.

    Args:
        scenario: what is played.
        messages: what each program has been told.
    """

    def __init__(self, scenario: Scenario, messages: MessageChecks) -> None:
        self._messages = messages
        self._room = RoomChecks(scenario, messages)
        self._scenario = scenario
        self._in_work_at: dict[str, float] = {}  # job → when a task of it was in work last
        self._misjudged_since: dict[str, float] = {}  # job → since when it is in work and said to wait
        self._ended: set[str] = set()  # jobs of honest users that have become final, in this life of the middleware
        self._ended_in = 0

    def nothing_waits_in_vain(self) -> None:
        """What can go on does: tasks while a worker is free, clients while there is room, others while one left."""
        server = self._scenario.middleware.server
        assert server is not None
        cluster, now = server.dispatcher.cluster, self._scenario.world.now
        forgotten = self._messages.announced - cluster.catalogue.names
        assert not forgotten, f"workers announced {sorted(forgotten)}, and the middleware knows of no such filters"
        self._scenario.draining.middleware_turn(cluster)
        connected = list(cluster.fleet.connected())
        workers = [one for one in connected if one.state is not WorkerState.DRAINING]
        ready = [one for one in workers if one.state is WorkerState.READY]
        is_tail = queued_count(cluster, now) < len(connected)  # the last tasks are not given in advance
        free = [one for one in ready if not (is_tail and one.is_computing)]
        for job in cluster.open.values():
            if free:
                no_task_waits_for_a_free_worker(cluster, job, workers, free, now)
            self._room.no_client_waits(cluster, job, now)
            self._no_upload_holds_its_room_for_ever(job, now)
            self._no_empty_job_keeps_its_place(job, now)
            self._job_in_work_is_said_to_run(job, now)
        self._watchers_are_told(cluster, now)
        for listener in self._scenario.listeners:
            listener.check_lag()
        self._no_idle_client_stays(cluster, now)
        self._room.users_keep_within_bounds(cluster)
        self._room.is_left_for_newcomers(cluster)
        self._nobody_controls_anothers_job(cluster)
        self._priorities_are_as_granted(cluster)
        streamed_jobs_are_known_whole(self._scenario.streamed, cluster)

    def _watchers_are_told(self, cluster: Cluster, now: float) -> None:
        """A record in the state that a job is in leaves soon, for those who watch all of them."""
        loop, resumed_at = self._scenario.middleware.loop, self._scenario.middleware.resumed_at
        for client in cluster.watchers.values():
            end = loop.ends.get(client.peer) if loop is not None else None
            if end is None or client.name not in WATCHERS:
                continue
            for job in cluster.listed_jobs():
                if end.link.states.get(job.id) == job.state.value:
                    end.link.untold_since.pop(job.id, None)
                    continue
                since = max(end.link.untold_since.setdefault(job.id, now), resumed_at)
                assert now - since < TOLD_S, f"{job.id} is {job.state.value} since {since}, and watchers do not know"

    def _no_idle_client_stays(self, cluster: Cluster, now: float) -> None:
        loop = self._scenario.middleware.loop
        for client in cluster.clients.values():
            end = loop.ends.get(client.peer) if loop is not None else None
            if end is None or client.jobs or client.peer in cluster.watchers or client.peer in cluster.subscriptions:
                continue
            if end.link.has_spoken:
                end.link.has_spoken, end.link.spoke_at = False, now
            idle_s = now - end.link.spoke_at
            assert idle_s < limits.IDLE_CLIENT_S + EXPIRY_SLACK_S, f"{client.name} wants nothing since {idle_s:.0f} s"

    def _no_upload_holds_its_room_for_ever(self, job: MiddlewareJob, now: float) -> None:
        if job.client is not None or job.all_sent or not job.spooled_bytes or job.upload.moved_at is None:
            return
        if job.is_in_flight:
            self._in_work_at[job.id] = now
            return
        limit_s = self._scenario.middleware.rules.upload_timeout_s + EXPIRY_SLACK_S
        idle_s = now - max(job.upload.moved_at, self._in_work_at.get(job.id, 0.0))
        assert idle_s < limit_s, f"{job.id} holds {job.spooled_bytes} bytes, and nothing came for {idle_s:.0f} s"

    def _no_empty_job_keeps_its_place(self, job: MiddlewareJob, now: float) -> None:
        if (
            job.client is not None
            or any(one.known_count for one in job.streams)
            or job.upload.waits_long
            or job.all_sent
            or job.upload.moved_at is None
        ):
            return
        limit_s = self._scenario.middleware.rules.upload_timeout_s + EXPIRY_SLACK_S
        assert now - job.upload.moved_at < limit_s, (
            f"nothing of {job.id} came for {now - job.upload.moved_at:.0f} s, and it is there"
        )

    def _job_in_work_is_said_to_run(self, job: MiddlewareJob, now: float) -> None:
        if job.state is not JobState.PENDING or not job.is_in_flight:
            self._misjudged_since.pop(job.id, None)
            return
        since = max(self._misjudged_since.setdefault(job.id, now), self._scenario.middleware.resumed_at)
        assert now - since < ASSESSED_S, f"{job.id} is in work since {since}, and said to wait: {job.reason}"

    def _priorities_are_as_granted(self, cluster: Cluster) -> None:
        """A priority that was granted holds as long as the job goes on, however often anything begins again."""
        for job, granted in self._scenario.undecided.priorities.items():
            now = cluster.open[job].request.priority if job in cluster.open else granted[0]
            assert now in granted, f"{job} has priority {now}, and was granted {granted}"

    def _nobody_controls_anothers_job(self, cluster: Cluster) -> None:
        """Honest users wish nothing for their jobs here, but the undecided for some, and those whose upload breaks off:
        who else does is not heard."""
        if self._ended_in != self._scenario.middleware.lives:
            self._ended, self._ended_in = set(), self._scenario.middleware.lives
        undecided = self._scenario.undecided.jobs.union(*(one.broken_off for one in self._scenario.streamed))
        honest = [job for job in cluster.listed_jobs() if job.user.name != "greedy"]
        mine = [job for job in honest if job.id not in undecided]
        for job in mine:
            assert job.code not in ("cancelled", "paused", "resumed", "retried"), f"{job.id} is {job.code}"
        self._ended -= undecided
        assert self._ended <= {job.id for job in mine if job.is_final}, "an ended job is forgotten, or goes on"
        self._ended |= {job.id for job in mine if job.is_final}
