"""What must hold at every step of a simulated run and at its end, seen from outside the programs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from middleware.link_costs import MAX_LINK_COSTS
from middleware.model.cluster import Cluster
from middleware.model.fleet import WorkerRecord
from middleware.model.job import Job as MiddlewareJob
from middleware.model.states import JobState, WorkerState
from middleware.model.track import Track
from middleware.model.users import Resource
from middleware.publisher import WATCHER_INTERVAL_S
from moviola.base.vocabulary import ResultState
from moviola.session.outcome import Status
from moviola.wire import limits
from moviola.wire.messages import (
    ChunkWindow,
    Drop,
    Error,
    Event,
    FetchedResult,
    Finish,
    HandOn,
    Hello,
    Holdings,
    Job,
    Message,
    Own,
    Pass,
    Released,
    Result,
    Stored,
    Submit,
    Task,
    Welcome,
)
from moviola.wire.windows import Windows
from tests.simulation import material
from tests.simulation.greedy import MAX_CHUNK
from tests.simulation.network import POISON, End

if TYPE_CHECKING:
    from tests.simulation.scenario import Scenario
    from tests.simulation.workers import Worker


UNHEARD_OF: Final = 20
"""Connections over which the reason of their end did not arrive, because they were torn meanwhile."""

BROKEN: Final = ("bad-message", "too-large", "out-of-order", "not-moviola")

ROOM_KNOWN_S: Final = 2.0
"""How long a client without room may not have been told of new room: the disk is asked a few times a second."""

MAX_SPOILED: Final = 20
"""How often a payload that is damaged on disk may be sent for one task: until each who has it has complained."""

WATCHERS: Final = ("asking", "watching")

TOLD_S: Final = 5.0
"""How long who watches may not have been told of a job's new state: dozens of records leave one by one."""

ASSESSED_S: Final = 1.0
"""How long what is said of a job may not be so any more: all jobs are looked at a few times a second."""

EXPIRY_SLACK_S: Final = 10.0
"""What an upload's expiry may come too late: a scan, and time in which the middleware stood still."""


class Checks:
    """Listens to every message that arrives, and knows what each program has been told."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._life_told: dict[tuple[int, str, int], set[tuple[int, int]]] = {}
        """(life, job, owner epoch) → (track, index) of what the middleware was told to be stored."""
        self._told_before: dict[tuple[int, str, int], set[tuple[int, int]]] = {}
        """… until the last Holdings, which may have come in the turn in which something was still taken for stored."""
        self._result_epochs: dict[Any, int] = {}  # lease, or the place of a passed chunk → owner epoch it came under
        self._holdings: set[tuple[int, int, str, int]] = set()
        self._announced: set[str] = set()  # filters of workers that were welcomed
        self._builds: dict[tuple[str, int, int], str] = {}  # (job, owner epoch, track) → what all its results must be
        self._poisoned: Counter[str] = Counter()  # job → connections that ended over its Own
        self._windows: dict[int, Windows] = {}  # by connection
        self._kept: set[tuple[str, int, int]] = set()  # (job, track, index) of what was said to be kept, ever
        self._spoiled: Counter[tuple[str, int, int]] = Counter()  # task → how often what was sent for it was damaged
        self._uplinks = 0  # aggregators that have joined so far
        self._outstanding: dict[int, set[Any]] = {}  # leases on a worker's connection, seen from the wire
        self._room_told: dict[str, int] = {}  # job → room in the last record that its client was sent
        self._in_work_at: dict[str, float] = {}  # job → when a task of it was in work last
        self._in_vain_since: dict[str, float] = {}  # job → since when its client waits for room that is there
        self._begun_again: dict[str, int] = {}  # job → its owner epoch when somebody was told that it begins again
        self._misjudged_since: dict[str, float] = {}  # job → since when it is in work and said to wait
        self._ended: set[str] = set()  # jobs of honest users that have become final, in this life of the middleware
        self._ended_in = 0
        self.tasks_handed_out = 0
        scenario.network.on_sent = self._sent
        scenario.network.on_arrived = self._arrived
        scenario.network.on_spoiled = self._spoiled_sent
        scenario.network.on_closed = self._closed

    def _closed(self, end: End, error: Error | None) -> None:
        """No message between our own programs ends a connection, but where one of them is made to refuse it."""
        if error is not None and error.text == POISON:
            self._poisoned[error.job] += 1
        if error is not None and error.code == "idle":
            assert not end.link.has_job, "a client that has a job is sent away for having nothing to do"
            self._scenario.world.see("idle", f"{end.link.other(end).loop.name} has nothing to do, and is sent away")
        names = {end.loop.name, end.link.other(end).loop.name}
        if error is not None and names == {"middleware", "aggregator"} and error.text != POISON:
            assert error.code not in BROKEN, f"a connection between our programs ends: {error.code} {error.text}"

    def _sent(self, sender: End, message: Message) -> None:
        """A message has left its program: what it says must be on that program's disk."""
        scenario = self._scenario
        for program in (scenario.middleware, scenario.aggregator):
            if sender.loop is program.loop and not isinstance(message, Hello):
                assert not program.is_dirty, f"{type(message).__name__} leaves before the ledger's commit"
        if isinstance(message, Task):
            self._task_sent(sender, message)
        elif isinstance(message, Result | HandOn):
            sender.link.results.add(message.lease)
        elif isinstance(message, Finish):
            self._finish_sent(message)
        elif isinstance(message, Stored) and sender.loop.name == "aggregator" and message.verdict == "kept":
            self._kept.add((message.job, message.track, message.index))
            self._is_on_the_aggregators_disk(message)
        elif isinstance(message, FetchedResult):
            self._read_is_on_the_aggregators_disk(message)
        elif isinstance(message, Job) and _looks_on(sender.link.other(sender).loop.name):
            self._watcher_told(sender, message)
            return  # it watches, and is told of what it had sent over a connection before as well
        elif isinstance(message, Event) and message.kind == "current":
            self._all_is_told(sender)
        elif isinstance(message, Event) and message.kind == "wish-granted" and "begins again" in message.text:
            server = scenario.middleware.server
            job = server.dispatcher.cluster.open.get(message.job) if server is not None else None
            if (
                job is not None and not job.request.has_source
            ):  # else its source is here already, and the next epoch has begun
                self._begun_again[message.job] = job.owner.epoch
        elif isinstance(message, Own):
            before = self._begun_again.get(message.job, 0)
            assert message.owner_epoch > before, f"{message.job} began again, and its owner epoch is still {before}"
        elif isinstance(message, Job) and sender.loop.name == "middleware":
            self._room_told[message.job] = message.send_window_bytes
            is_attached = sender.link.other(sender).loop.name.startswith("client")  # the intruder detaches
            sender.link.has_job |= is_attached and message.have is not None
            if message.accepted and scenario.middleware.server is not None:
                self._chunks_are_on_disk(message)

    def _watcher_told(self, sender: End, message: Job) -> None:
        server = self._scenario.middleware.server
        job = server.dispatcher.cluster.jobs.get(message.job) if server is not None else None
        sender.link.states[message.job] = message.state
        if job is not None and job.state.value == message.state:
            sender.link.untold_since.pop(message.job, None)

    def _all_is_told(self, sender: End) -> None:
        """However often it asks, a client is told all only now and then."""
        sender.link.currents += 1
        lasted_s = self._scenario.world.now - sender.link.made_at
        most = 1 + lasted_s / WATCHER_INTERVAL_S
        assert sender.link.currents <= most, f"who asks often is told all {sender.link.currents} times in {lasted_s} s"

    def _task_sent(self, sender: End, task: Task) -> None:
        self.tasks_handed_out += 1
        life = self._scenario.middleware.lives
        told = (life, self._uplinks, task.job, task.owner_epoch)
        assert told in self._holdings, f"{task.job} is handed out before the aggregator has said what it holds"
        stored = self._life_told.get((life, task.job, task.owner_epoch), ())
        what = f"{task.job}/{task.track}/{task.index}"
        assert (task.track, task.index) not in stored, f"{what} is handed out though it is stored"
        if not task.stage or task.stage[-1] == len(task.output["chain"]):
            chosen = self._builds.setdefault((task.job, task.owner_epoch, task.track), task.build)
            assert task.build == chosen, f"{task.job}/{task.track} is asked of {task.build}, begun with {chosen}"
        server = self._scenario.middleware.server
        job = server.dispatcher.cluster.open[task.job] if server is not None else None
        without = [value for value in task.assets if job is not None and job.asset_index(value) is None]
        assert not without, f"{what} is handed out before its files are here"
        held = self._outstanding.setdefault(id(sender.link), set())
        held.add(task.lease)
        limit = self._scenario.middleware.rules.credit
        assert len(held) <= limit, f"{len(held)} leases on one worker, its credit is {limit}: {held}"

    def _spoiled_sent(self, message: Message) -> None:
        """What is damaged in the spool is not handed out again and again."""
        if isinstance(message, Task | Pass):
            task = (message.job, message.track, message.index)
            self._spoiled[task] += 1
            assert self._spoiled[task] <= MAX_SPOILED, f"{task} is handed out once more, and is damaged on disk"

    def _finish_sent(self, message: Finish) -> None:
        told = (self._scenario.middleware.lives, message.job, message.owner_epoch)
        stored = self._life_told.get(told, set()) | self._told_before.get(told, set())
        missing = [
            (track, index)
            for track, count in enumerate(message.chunk_counts)
            for index in range(count)
            if (track, index) not in stored
        ]
        assert not missing, f"{message.job} is to be finished, and nobody has said that {missing} are stored"

    def _is_on_the_aggregators_disk(self, message: Stored) -> None:
        aggregator = self._scenario.aggregator
        if not aggregator.is_alive:
            return
        came_under = self._result_epochs.get(message.lease or (message.job, message.track, message.index))
        owned_under = aggregator.owner_epoch(message.job)
        there = aggregator.committed(message.job, message.track, message.index)
        if None not in (came_under, owned_under) and came_under != owned_under:  # it may have gone in the same turn
            assert not there, f"a result for owner epoch {came_under} is kept under {owned_under}"
            return
        assert there or aggregator.has_let_go(message.job), (
            f"kept was said of {message.job}/{message.track}/{message.index}, which is not on disk"
        )

    def _read_is_on_the_aggregators_disk(self, message: FetchedResult) -> None:
        """Nobody is given what is not kept; it may have been let go in the same turn."""
        what = (message.job, message.track, message.index)
        aggregator = self._scenario.aggregator
        if message.state != ResultState.STORED or not aggregator.is_alive:
            return
        there = what in self._kept or aggregator.committed(*what) or aggregator.has_let_go(message.job)
        assert there, f"a reader is given {what}, which is not on disk"

    def _chunks_are_on_disk(self, message: Job) -> None:
        middleware = self._scenario.middleware
        assert middleware.server is not None
        job = middleware.server.dispatcher.cluster.open.get(message.job)
        if job is None or job.is_final or job.owner.epoch > 1 or message.job in middleware.asked_again_for:
            return  # chunks that had been given up, or were damaged, are needed again, and are accepted once more
        on_disk = middleware.committed_chunks(message.job) + sum(stream.freed.count for stream in job.streams)
        assert on_disk >= message.accepted, f"{message.accepted} chunks of {job.id} are accepted, {on_disk} on disk"

    def _arrived(self, receiver: End, message: Message) -> None:
        scenario = self._scenario
        link = id(receiver.link)
        name = receiver.loop.name
        if name == "middleware":
            receiver.link.has_spoken = True
        if {"impostor", "greedy"} & {name, receiver.link.other(receiver).loop.name}:
            return
        if isinstance(message, Result):
            self._result_epochs[message.lease] = message.owner_epoch
        if isinstance(message, Pass):
            self._result_epochs[message.job, message.track, message.index] = message.owner_epoch
        if name == "middleware":
            life = scenario.middleware.lives
            if isinstance(message, Released):
                self._outstanding.get(link, set()).discard(message.lease)
            elif isinstance(message, Hello) and message.role == "worker":
                self._outstanding[link] = set()
            elif isinstance(message, Stored) and message.verdict in ("kept", "duplicate"):
                epoch = self._owner_epoch(message.job)
                if epoch is not None:
                    self._life_told.setdefault((life, message.job, epoch), set()).add((message.track, message.index))
            elif isinstance(message, Hello) and message.role == "aggregator":
                self._uplinks += 1
            elif isinstance(message, Holdings):
                self._holdings.add((life, self._uplinks, message.job, message.owner_epoch))
                held = self._windows.setdefault(link, Windows()).take(message.job, message.owner_epoch, message.tracks)
                told = (life, message.job, message.owner_epoch)
                self._told_before[told] = self._life_told.get(told, set())
                self._life_told[told] = {  # anew: some may have been lost
                    (track, index) for track, bitmap in enumerate(held) for index in bitmap
                }
            elif isinstance(message, ChunkWindow):
                self._windows.setdefault(link, Windows()).add(message)
                scenario.world.see("window", f"a window of what is held of {message.job}")
        if isinstance(message, Welcome):
            self._announced |= next((set(one.filters) for one in scenario.workers if one.name == name), set())
        assert not isinstance(message, Own | Drop | Submit | Result) or name in ("aggregator", "middleware")

    # ── after each turn of the middleware ────────────────────────────────────────────────────────────────────────

    def nothing_waits_in_vain(self) -> None:
        """What can go on does: tasks while a worker is free, clients while there is room, others while one left."""
        server = self._scenario.middleware.server
        assert server is not None
        cluster, now = server.dispatcher.cluster, self._scenario.world.now
        forgotten = self._announced - cluster.catalogue.names
        assert not forgotten, f"workers announced {sorted(forgotten)}, and the middleware knows of no such filters"
        workers = list(cluster.fleet.connected())
        ready = [one for one in workers if one.state is WorkerState.READY]
        free = [one for one in ready if not one.is_computing]  # the last tasks are not given in advance
        for job in cluster.open.values():
            if free:
                self._no_task_waits_for_a_free_worker(cluster, job, workers, free, now)
            self._no_client_waits_for_room(cluster, job, now)
            self._no_upload_holds_its_room_for_ever(job, now)
            self._no_empty_job_keeps_its_place(job, now)
            self._job_in_work_is_said_to_run(job, now)
        self._watchers_are_told(cluster, now)
        self._no_idle_client_stays(cluster, now)
        self._users_keep_within_bounds(cluster)
        self._room_is_left_for_newcomers(cluster)
        self._nobody_controls_anothers_job(cluster)

    def _watchers_are_told(self, cluster: Cluster, now: float) -> None:
        """A record in the state that a job is in leaves soon, for those who watch all of them."""
        loop, resumed_at = self._scenario.middleware.loop, self._scenario.middleware.resumed_at
        for client in cluster.watchers.values():
            end = loop.ends.get(client.peer) if loop is not None else None
            if end is None or client.name not in WATCHERS:
                continue
            for job in cluster.jobs.values():
                if end.link.states.get(job.id) == job.state.value:
                    end.link.untold_since.pop(job.id, None)
                    continue
                since = max(end.link.untold_since.setdefault(job.id, now), resumed_at)
                assert now - since < TOLD_S, f"{job.id} is {job.state.value} since {since}, and watchers do not know"

    def _no_idle_client_stays(self, cluster: Cluster, now: float) -> None:
        loop = self._scenario.middleware.loop
        for client in cluster.clients.values():
            end = loop.ends.get(client.peer) if loop is not None else None
            if end is None or client.jobs or client.peer in cluster.watchers:
                continue
            if end.link.has_spoken:
                end.link.has_spoken, end.link.spoke_at = False, now
            idle_s = now - end.link.spoke_at
            assert idle_s < limits.IDLE_CLIENT_S + EXPIRY_SLACK_S, f"{client.name} wants nothing since {idle_s:.0f} s"

    def _no_task_waits_for_a_free_worker(
        self, cluster: Cluster, job: MiddlewareJob, workers: list[WorkerRecord], free: list[WorkerRecord], now: float
    ) -> None:
        """Tasks that never failed, of jobs that no worker failed: any able worker with credit may have them."""
        if not job.owner.holdings_known or job.state is JobState.PAUSED or now < job.no_room.until or job.excluded:
            return
        if not job.has_assets:
            return
        for track in job.tracks:
            if track.is_passthrough:
                continue
            likes = [one for one in free if set(track.fingerprint) <= {one.details.fingerprint}]
            able = [one.name for one in likes if track.needs <= one.offers]
            queue = track.queue
            if able and queue.count:
                waiting = [i for i in track.stream.here if i not in queue.stored and i not in queue.in_flight]
                raise AssertionError(f"{job.id}/{track.number}/{waiting} wait while {able} have nothing to do")
            self._no_stage_waits(cluster, job, track, workers, free)

    def _no_stage_waits(
        self, cluster: Cluster, job: MiddlewareJob, track: Track, workers: list[WorkerRecord], free: list[WorkerRecord]
    ) -> None:
        """Where nobody offers all that is left of a chain, whoever offers the next step under its
        build may have it."""
        builds = track.fingerprint
        if not builds and len({worker.details.fingerprint for worker in workers}) == 1:
            builds = (workers[0].details.fingerprint,) * len(track.chain.steps)
        if not builds or track.whole_only:
            return  # which builds go together is not judged here
        wanted = list(zip(track.chain.steps, builds, strict=True))
        offered = {(name, worker.details.fingerprint) for worker in workers for name in worker.offers}
        for index in track.stream.here:
            begun = track.intermediates.get(index)
            if index in track.queue.stored or index in track.queue.in_flight or index in track.task_failures:
                continue
            done = begun.fingerprint if begun else ()
            rest = set(wanted[len(done) :])
            if done != builds[: len(done)] or not rest <= offered or any(_offers(one, rest) for one in workers):
                continue
            if begun is None and cluster.staged_bytes >= cluster.rules.stage_bytes:
                continue
            able = [worker.name for worker in free if _offers(worker, {wanted[len(done)]})]
            assert not able, f"{job.id}/{track.number}/{index} waits for {rest} while {able} have nothing to do"

    def _no_client_waits_for_room(self, cluster: Cluster, job: MiddlewareJob, now: float) -> None:
        is_kept_waiting = job.client is not None and not job.all_sent and not self._room_told.get(job.id, 1)
        if not is_kept_waiting or not self._may_send(cluster, job):
            self._in_vain_since.pop(job.id, None)
            return
        since = self._in_vain_since.setdefault(job.id, now)
        assert now - since < ROOM_KNOWN_S, f"the client of {job.id} was told of no room; there is some since {since}"

    def _may_send(self, cluster: Cluster, job: MiddlewareJob) -> bool:
        """Whether a job need not stand back behind others that are being sent, and there is room for it."""
        others = [
            one for one in cluster.open.values() if one.client is not None and not one.all_sent and one is not job
        ]
        stands_back = not _is_offered(cluster, job) and any(_is_offered(cluster, other) for other in others)
        return not stands_back and self._has_room(cluster, job, others)

    def _has_room(self, cluster: Cluster, job: MiddlewareJob, others: list[MiddlewareJob]) -> bool:
        """Whether there is a byte for a job in the spool: of what its user may have, and itself as well."""
        room, rules = self._scenario.middleware.room_bytes, self._scenario.middleware.rules
        whole = room + sum(one.spooled_bytes for one in cluster.open.values())
        mine = sum(one.spooled_bytes for one in cluster.open.values() if one.user is job.user)
        users = len({one.user for one in (job, *others)})
        jobs = 1 + sum(one.user is job.user for one in others)
        if mine >= rules.client_window_bytes:
            room -= min(rules.reserved_windows * rules.client_window_bytes, whole // 4)
        return room >= users * jobs and whole // users > mine and whole // users // jobs > job.spooled_bytes

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

    def _users_keep_within_bounds(self, cluster: Cluster) -> None:
        quotas = self._scenario.middleware.rules.quotas
        jobs = Counter(job.user.name for job in cluster.open.values())
        chunks: Counter[str] = Counter()
        for job in cluster.open.values():
            chunks[job.user.name] += sum(stream.known_count for stream in job.streams)
        for counts, quota in ((jobs, quotas[Resource.OPEN_JOBS]), (chunks, quotas[Resource.CHUNKS])):
            for user, count in counts.items():
                assert count <= quota.of_user, f"{user} has {count} of at most {quota}"

    def _room_is_left_for_newcomers(self, cluster: Cluster) -> None:
        """Where only one user holds something, it does not hold all."""
        held: Counter[str] = Counter()
        for job in cluster.open.values():
            held[job.user.name] += job.spooled_bytes
        mine = held["greedy"]
        if not mine or mine != sum(held.values()) or cluster.staged_bytes:
            return
        room, rules = self._scenario.middleware.room_bytes, self._scenario.middleware.rules
        reserve = min(rules.reserved_windows * rules.client_window_bytes, (room + mine) // 4)
        assert room >= reserve - MAX_CHUNK, f"one user holds {mine} bytes, and {room} are left"

    def _nobody_controls_anothers_job(self, cluster: Cluster) -> None:
        """Honest users wish nothing for their jobs here, but the undecided for some: who else does is not heard."""
        if self._ended_in != self._scenario.middleware.lives:
            self._ended, self._ended_in = set(), self._scenario.middleware.lives
        undecided = self._scenario.undecided.jobs
        mine = [job for job in cluster.jobs.values() if job.user.name != "greedy" and job.id not in undecided]
        for job in mine:
            assert job.code not in ("cancelled", "paused", "resumed", "retried"), f"{job.id} is {job.code}"
        self._ended -= undecided
        assert self._ended <= {job.id for job in mine if job.is_final}, "an ended job is forgotten, or goes on"
        self._ended |= {job.id for job in mine if job.is_final}

    # ── after each turn of a worker ──────────────────────────────────────────────────────────────────────────────

    def results_are_sent(self, worker: Worker) -> None:
        """Every result without a verdict has gone over the present connection, also when it went over an older one."""
        if worker.session is None or worker.death is not None:
            return
        for held_task in worker.session.held_tasks.values():
            link = worker.link(held_task.destination)
            if (
                held_task.result is not None
                and link is not None
                and worker.session.peers.is_open(held_task.destination)
            ):
                assert held_task.task.lease in link.results, f"{worker.name} does not send {held_task} again"

    def _owner_epoch(self, job_id: str) -> int | None:
        server = self._scenario.middleware.server
        job = server.dispatcher.cluster.jobs.get(job_id) if server is not None else None
        if job is None:
            return None
        return job.owner.epoch if isinstance(job, MiddlewareJob) else job.owner_epoch

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────

    def at_the_end(self) -> None:
        """Every frame exactly once, in order; unfiltered ones only where a filter failed."""
        plan = self._scenario.plan
        server = self._scenario.middleware.server
        if server is not None and not server.dispatcher.cluster.open:  # else of uploads that nobody goes on with
            held = self._scenario.middleware.spooled_bytes
            assert not held, f"all jobs have ended, and the spool still holds {held} bytes"
        if server is not None:
            allowed = MAX_LINK_COSTS * self._scenario.middleware.lives + UNHEARD_OF
            for job, count in self._poisoned.items():
                assert count <= allowed, f"job {job} has cost {count} connections"
        if plan.bad_chunk is None and server is not None:
            workers = server.dispatcher.cluster.fleet.by_name.values()
            may_be = {"liar"} if self._scenario.world.seen["lie-unreadable"] else set()
            blamed = [one.name for one in workers if one.failures and one.name not in may_be]
            assert not blamed, f"{blamed} are blamed for failures, and no filter failed"
        for number, client in enumerate(self._scenario.clients):
            outcome = client.outcome
            if outcome.state in ("done", "partial") and self._scenario.aggregator.was_wiped:
                continue  # its files may have been lost after the job had ended
            may_fall_back = number == 0 and plan.bad_chunk is not None
            wanted = (Status.DONE, Status.PARTIAL) if may_fall_back else (Status.DONE,)
            assert outcome.status in wanted, f"{client.name}: {outcome.state} {outcome.reason}"
            for reader in self._scenario.readers:
                if reader.client is client and reader.job == outcome.job_id:
                    reader.check_all_was_read()
            for track, output in enumerate(client.submission.order.outputs):
                data = material.folder_bytes(client.folder, f"{output.name}.txt")
                bypassed = frozenset({0}) if may_fall_back and track == 0 else frozenset()
                expected = material.expected_file(client.submission, client.chunk_count, output.to_wire(), bypassed)
                assert data == expected, f"{client.name} output {track} is\n{data!r}, should be\n{expected!r}"


def _looks_on(name: str) -> bool:
    """Whether a client of this name watches jobs, and has none of its own that it sends."""
    return name in ("greedy", *WATCHERS) or name.startswith("client-reader")


def _offers(worker: WorkerRecord, steps: set[tuple[str, str]]) -> bool:
    """Whether a worker offers these (filter, build)."""
    return all(name in worker.offers and build == worker.details.fingerprint for name, build in steps)


def _is_offered(cluster: Cluster, job: MiddlewareJob) -> bool:
    """Whether workers of its kind of material, together where chains may be shared, offer each filter a job wants."""
    workers = [worker for worker in cluster.fleet.connected() if f"kind:{job.request.kind}" in worker.offers]
    together = set().union(*(worker.offers for worker in workers))
    return all(
        any(set(track.chain.steps) <= worker.offers for worker in workers)
        or (track.chain.can_stage and set(track.chain.steps) <= together)
        for track in job.tracks
    )
