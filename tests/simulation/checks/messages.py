"""What must hold of every message that leaves or arrives: what it says is on disk, in order, and asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from middleware.model.job import Job as MiddlewareJob
from middleware.publisher import WATCHER_INTERVAL_S
from moviola.base.vocabulary import ResultState
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
from moviola.wire.messages import End as AllSent
from moviola.wire.windows import Windows
from tests.simulation.network import POISON, End, Link

if TYPE_CHECKING:
    from tests.simulation.scenario import Scenario


BROKEN: Final = ("bad-message", "too-large", "out-of-order", "not-moviola")

MAX_SPOILED: Final = 20
"""How often a payload that is damaged on disk may be sent for one task: until each who has it has complained."""

WATCHERS: Final = ("asking", "watching")


class MessageChecks:
    """Listens to every message that leaves and arrives, and knows what each program has been told."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._life_told: dict[tuple[int, str, int], set[tuple[int, int]]] = {}
        """(life, job, owner epoch) → (track, index) of what the middleware was told to be stored."""
        self._told_before: dict[tuple[int, str, int], set[tuple[int, int]]] = {}
        """… until the last Holdings, which may have come in the turn in which something was still taken for stored."""
        self._result_epochs: dict[Any, int] = {}  # lease, or the place of a passed chunk → owner epoch it came under
        self._holdings: set[tuple[int, int, str, int]] = set()
        self.announced: set[str] = set()  # filters of workers that were welcomed
        self._builds: dict[tuple[str, int, int], str] = {}  # (job, owner epoch, track) → what all its results must be
        self.poisoned: Counter[str] = Counter()  # job → connections that ended over its Own
        self._windows: dict[int, Windows] = {}  # by connection
        self._spoiled: Counter[tuple[str, int, int]] = Counter()  # task → how often what was sent for it was damaged
        self._uplinks = 0  # aggregators that have joined so far
        self._outstanding: dict[int, set[Any]] = {}  # leases on a worker's connection, seen from the wire
        self.room_told: dict[str, int] = {}  # job → room in the last record that its client was sent
        self._begun_again: dict[str, int] = {}  # job → its owner epoch when somebody was told that it begins again
        self.tasks_handed_out = 0
        self.on_described: Callable[[Link], None] = lambda _link: None  # a client's End tells what its source is
        scenario.network.on_sent = self._sent
        scenario.network.on_arrived = self._arrived
        scenario.network.on_spoiled = self._spoiled_sent
        scenario.network.on_closed = self._closed

    def _closed(self, end: End, error: Error | None) -> None:
        """No message between our own programs ends a connection, but where one of them is made to refuse it."""
        if error is not None and error.text == POISON:
            self.poisoned[error.job] += 1
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
        if sender.loop is scenario.middleware.loop:
            scenario.draining.sent(sender, message)
        if isinstance(message, Task):
            self._task_sent(sender, message)
        elif isinstance(message, Result | HandOn):
            sender.link.results.add(message.lease)
        elif isinstance(message, Finish):
            self._finish_sent(message)
        elif isinstance(message, AllSent) and message.source:
            scenario.world.see("described", f"{sender.loop.name} tells what the source of {message.job} is")
            self.on_described(sender.link)
        elif isinstance(message, Stored) and sender.loop.name == "aggregator" and message.verdict == "kept":
            self._is_on_the_aggregators_disk(message)
        elif isinstance(message, FetchedResult):
            self._read_is_on_the_aggregators_disk(sender, message)
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
            self.room_told[message.job] = message.send_window_bytes
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

    def _read_is_on_the_aggregators_disk(self, sender: End, message: FetchedResult) -> None:
        """Nobody is given what is not kept. It may go in the turn in which it is given, and even come in the same: one
        that was stopped hears at once of a result, that its job is dropped, and that it begins again."""
        aggregator = self._scenario.aggregator
        if message.state != ResultState.STORED or sender.loop is not aggregator.loop:
            return
        what = (message.job, message.track, message.index)
        has_gone = not aggregator.committed(*what)
        if has_gone and what in aggregator.let_go:
            self._scenario.world.see("read-let-go", f"a reader is given {what}, which goes in the same turn")
            return
        assert not has_gone, f"a reader is given {what}, which is not on disk"

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
            scenario.draining.arrived(receiver, message)
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
            self.announced |= next((set(one.filters) for one in scenario.workers if one.name == name), set())
        assert not isinstance(message, Own | Drop | Submit | Result) or name in ("aggregator", "middleware")

    def _owner_epoch(self, job_id: str) -> int | None:
        server = self._scenario.middleware.server
        job = server.dispatcher.cluster.jobs.get(job_id) if server is not None else None
        if job is None:
            return None
        return job.owner.epoch if isinstance(job, MiddlewareJob) else job.owner_epoch


def _looks_on(name: str) -> bool:
    """Whether a client of this name watches jobs, and has none of its own that it sends."""
    return name in ("greedy", *WATCHERS) or name.startswith("client-reader")
