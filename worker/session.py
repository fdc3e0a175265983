"""The brain of a worker process: which leases it holds, what is computed, sent, told and dialled next.

Events and the time go in, commands come out. Nothing here knows a socket, a thread or a clock.

    a lease:   Task ──▶ waiting ──▶ computing ──▶ delivering ── Stored ──▶ Released
                                        └── exception ────────────────────▶ Released

What comes of a task goes to the store that wants it, or, where another worker goes on with it, to the middleware.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from moviola.base.mapped import Map
from moviola.base.processes import DRAIN_LIMIT_S
from moviola.base.vocabulary import LeaseOutcome, Verdict
from moviola.wire.addresses import Address
from moviola.wire.framing import Buffer
from moviola.wire.limits import MAX_CREDIT
from moviola.wire.messages import (
    VERSIONS,
    Aggregator,
    Asset,
    AssetRequest,
    Beat,
    Cause,
    Death,
    Drain,
    Error,
    Hello,
    Released,
    Revoke,
    Stored,
    Task,
    Welcome,
    WorkerDetails,
)
from moviola.wire.schema import Lease
from moviola.wire.tokens import for_store

from .assets import AssetCache
from .computation import Computation
from .events import (
    EXIT_DRAINED,
    EXIT_STUCK,
    MIDDLEWARE,
    Abandon,
    Command,
    Compute,
    Computed,
    Damaged,
    Dial,
    DrainRequested,
    Event,
    Exit,
    Failed,
    HangUp,
    Log,
    Lost,
    Opened,
    Progressed,
    Send,
    ServerId,
    ServerMessage,
    Stopped,
    Unsent,
)
from .held_task import HeldTask, Identity, fault_of
from .peers import Peers
from .states import Phase

DEFAULT_BEAT_INTERVAL_S: Final = 2.0
DEFAULT_CREDIT: Final = 2
"""Where the middleware's Welcome names none."""

HOLDINGS_PER_CREDIT: Final = 2
"""Tasks that this worker holds at most for each credit. A middleware never lends more than the credit, because it
revokes what it does not adopt before it hands out anew. If one does, tasks beyond this bound are given back at once, so
that memory stays bounded."""

OUTCOMES: Final[dict[str, LeaseOutcome]] = {
    Verdict.KEPT: LeaseOutcome.STORED,
    Verdict.DUPLICATE: LeaseOutcome.DUPLICATE,
    Verdict.UNWANTED: LeaseOutcome.UNWANTED,
    Verdict.REFUSED: LeaseOutcome.REFUSED,
    Verdict.DAMAGED: LeaseOutcome.DAMAGED,
}
"""What a store's verdict is called in Released."""


@dataclass(slots=True)
class Session:
    """One process's session.

    Args:
        identity: who it is.
        middleware: where the middleware is.
        jitter: numbers from 0 to 1 that spread reconnections; the only randomness here.
        death: how the previous process of this name died; told until a middleware has welcomed us.
    """

    identity: Identity
    middleware: tuple[Address, ...]
    jitter: Callable[[], float]
    death: Death | None = None

    held_tasks: dict[Lease, HeldTask] = field(default_factory=dict)  # in the order in which they came
    assets: AssetCache = field(default_factory=AssetCache)
    computation: Computation = field(default_factory=Computation)
    is_exiting: bool = False
    is_dismissed: bool = False  # the cluster drains it: nobody is to start it again
    beat_interval_s: float = DEFAULT_BEAT_INTERVAL_S
    _most_holdings: int = DEFAULT_CREDIT * HOLDINGS_PER_CREDIT
    _beat_at: float = 0.0
    _drain_by: float | None = None
    _must_end: bool = False  # it drains for a reason of this machine's own
    _drains_heard: int = 0  # over the connection that is open
    _out: list[Command] = field(default_factory=list)
    peers: Peers = field(init=False)

    def __post_init__(self) -> None:
        self.peers = Peers(self.middleware, self.jitter, self._is_wanted)

    # ── the whole interface ──────────────────────────────────────────────────────────────────────────────────────

    def handle(self, event: Event, now: float) -> list[Command]:
        """What to do about an event, in order. `now` is in seconds and never goes back."""
        if self.is_exiting:
            return []
        match event:
            case Opened():
                self._opened(event, now)
            case Lost():
                self._lost(event, now)
            case ServerMessage() if event.peer == MIDDLEWARE:
                self._from_middleware(event, now)
            case ServerMessage():
                self._from_store(event)
            case Damaged(message=Task() as task) if event.peer == MIDDLEWARE:
                self._came_damaged(task)
            case Damaged(message=Asset(value)) if event.peer == MIDDLEWARE:
                self._asset_came_damaged(value)
            case Progressed():
                self._progressed(event, now)
            case Computed() | Failed() | Stopped():
                self._ended(event, now)
            case Unsent():
                self._unsendable(event)
            case DrainRequested():
                self._end_for_good(now, "asked to stop")
        self._advance(now)
        out, self._out = self._out, []
        return out

    def next_deadline(self) -> float | None:
        """When `handle` is to be called with a Tick at the latest."""
        if self.is_exiting:
            return None
        times = self.peers.deadlines()
        if self.peers.is_open(MIDDLEWARE):
            times.append(self._beat_at)
        if self._drain_by is not None:
            times.append(self._drain_by)
        if (stuck_at := self.computation.next_deadline()) is not None:
            times.append(stuck_at)
        return min(times, default=None)

    def validate(self) -> None:
        """Checks that all parts agree. Raises AssertionError with the lease's story."""
        is_told = self.peers.is_open(MIDDLEWARE)
        assert len(self.held_tasks) <= self._most_holdings, self.held_tasks
        for lease, one in self.held_tasks.items():
            assert lease == one.task.lease, str(one)
            assert (one.chunk is not None) == (one.phase is Phase.WAITING), str(one)
            assert (one.result is not None) == (one.phase is Phase.DELIVERING), str(one)
            assert (one.released is not None) == (one.phase is Phase.RELEASING), str(one)
            assert one.is_sent == (one.phase is Phase.DELIVERING and self.peers.is_open(one.destination)), str(one)
            assert one.phase is not Phase.RELEASING or not is_told, str(one)
            is_ready = one.phase is Phase.WAITING and not self.assets.missing(one.task.assets)
            assert not is_ready or not self.computation.is_idle, f"{one} waits for nothing"
            assert one.phase is not Phase.WAITING or self._drain_by is None, str(one)
            assert (one.phase is Phase.COMPUTING) <= (lease == self.computation.lease), str(one)
        computed = self.computation.lease
        ours = self.held_tasks.get(computed) if computed is not None else None
        is_ours = ours is not None and ours.phase is Phase.COMPUTING
        assert self.computation.is_abandoned == (computed is not None and not is_ours), computed

    # ── connections ──────────────────────────────────────────────────────────────────────────────────────────────

    def _opened(self, event: Opened, now: float) -> None:
        self.peers.opened(event.peer, now)
        if event.peer == MIDDLEWARE:
            self._welcomed(event.welcome, now)
        for held_task in self.held_tasks.values():
            if held_task.phase is Phase.DELIVERING and held_task.destination == event.peer:
                self._send_result(held_task)

    def _welcomed(self, welcome: Welcome, now: float) -> None:
        self.death = None
        self._drains_heard = 0
        credit = int(_limit(welcome.limits.credit, DEFAULT_CREDIT, 1, MAX_CREDIT))
        self._most_holdings = max(credit * HOLDINGS_PER_CREDIT, len(self.held_tasks))
        self.beat_interval_s = _limit(welcome.limits.beat_interval_s, DEFAULT_BEAT_INTERVAL_S, 0.01, 60.0)
        self._beat_at = now
        self._log(f"welcomed by the middleware (epoch {welcome.epoch}); {len(self.held_tasks)} leases held")
        for lease, held_task in list(self.held_tasks.items()):
            if held_task.released is not None:
                self._tell(held_task.released)
                del self.held_tasks[lease]
            elif held_task.phase is Phase.WAITING:
                self._ask_for_assets(held_task)

    def _lost(self, event: Lost, now: float) -> None:
        self._log(self.peers.lost(event.peer, event.reason, event.code, now))
        self._unsend(event.peer)

    def _unsend(self, peer: ServerId) -> None:
        """Count what was sent to a peer, and has no verdict yet, as not sent."""
        for held_task in self.held_tasks.values():
            if held_task.destination == peer:
                held_task.is_sent = False

    def _hello(self, peer: ServerId) -> Hello:
        who = self.identity
        details: Map = {}
        if peer == MIDDLEWARE:
            details = WorkerDetails(
                filters=list(who.filters),
                kinds=list(who.kinds),
                slots=1,
                fingerprint=who.fingerprint,
                held=[held_task.held() for held_task in self.held_tasks.values()],
                death=self.death,
                process_id=who.process_id,
                host=who.host,
                draining=self._drain_by is not None,
                labels=list(who.labels),
                lacks=who.lacks,
            ).to_wire()
        token = who.token if peer == MIDDLEWARE else for_store(who.token, peer)
        return Hello("worker", who.name, who.session, list(VERSIONS), details=details, token=token)

    def _is_wanted(self, peer: ServerId) -> bool:
        """A store is dialled as soon as there is a task for it, so that its result will not wait."""
        return peer == MIDDLEWARE or any(
            held_task.destination == peer and held_task.phase is not Phase.RELEASING
            for held_task in self.held_tasks.values()
        )

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _from_middleware(self, event: ServerMessage, now: float) -> None:
        match event.message:
            case Task() as task:
                self._take(task, event.payload)
            case Asset(value):
                self._asset_came(value, event.payload)
            case Revoke(lease):
                self._revoke(lease, now)
            case Drain(wanted):
                self._dismiss(now, wanted=wanted)
            case Aggregator() as aggregator:
                if self.peers.move(aggregator, now):
                    self._out.append(HangUp(aggregator.store))
                    self._unsend(aggregator.store)
            case Stored() as stored:
                self._judged(stored, MIDDLEWARE)
            case Error(code, text):
                self._log(f"the middleware says {code}: {text}")

    def _from_store(self, event: ServerMessage) -> None:
        match event.message:
            case Stored() as stored:
                self._judged(stored, event.peer)
            case Error(code, text):
                self._log(f"store {event.peer} says {code}: {text}")

    def _judged(self, stored: Stored, peer: ServerId) -> None:
        """Give a lease back with the verdict on what was sent for it."""
        held_task = None if stored.lease is None else self.held_tasks.get(stored.lease)
        if held_task is None or held_task.phase is not Phase.DELIVERING or held_task.destination != peer:
            return  # a late word on a lease that has ended
        if stored.verdict == Verdict.REFUSED:
            self._log(f"the result of {held_task} was refused: {stored.text}")
        self._release(held_task, OUTCOMES.get(stored.verdict, LeaseOutcome.UNWANTED))

    def _take(self, task: Task, chunk: Buffer) -> None:
        if task.lease in self.held_tasks:
            return  # said twice
        if self._drain_by is not None or len(self.held_tasks) >= self._most_holdings:
            self._tell(Released(task.lease, LeaseOutcome.DRAINED))
            return
        fault = fault_of(task)
        if fault:
            self._log(f"lease {task.lease} is given back: {fault}")
            self._tell(Released(task.lease, LeaseOutcome.FAILED, Cause(text=fault)))
            return
        self.held_tasks[task.lease] = held_task = HeldTask(task, chunk)
        self._ask_for_assets(held_task)

    def _ask_for_assets(self, held_task: HeldTask) -> None:
        """Ask for what a waiting task lacks; again over each connection, for the last one may have lost the answer."""
        for value in self.assets.missing(held_task.task.assets):
            self._out.append(Send(MIDDLEWARE, AssetRequest(held_task.task.lease, value)))

    def _asset_came(self, value: str, content: Buffer) -> None:
        if value not in self._needed_assets():
            return  # of a lease that has ended
        if self.assets.add(value, content):
            return
        cause = Cause(text=f"the file received as {value} has another content hash")
        for held_task in list(self.held_tasks.values()):
            if held_task.phase is Phase.WAITING and value in held_task.task.assets:
                self._release(held_task, LeaseOutcome.FAILED, cause)

    def _asset_came_damaged(self, value: str) -> None:
        """Tell the middleware, for each waiting task that needs it, that a file arrived damaged. The middleware takes
        these tasks back, and can find out where the file was damaged."""
        for held_task in self.held_tasks.values():
            if held_task.phase is Phase.WAITING and value in held_task.task.assets:
                self._tell(AssetRequest(held_task.task.lease, value, damaged=True))

    def _needed_assets(self) -> set[str]:
        return {value for one in self.held_tasks.values() if one.phase is Phase.WAITING for value in one.task.assets}

    def _came_damaged(self, task: Task) -> None:
        """Give a task back whose payload does not match its checksum. The middleware looks whether its own copy is
        whole."""
        if task.lease not in self.held_tasks:
            self._log(f"job {task.job} chunk {task.index} arrived damaged; it goes back")
            self._tell(Released(task.lease, LeaseOutcome.DAMAGED))

    def _revoke(self, lease: Lease, now: float) -> None:
        held_task = self.held_tasks.get(lease)
        if held_task is None:
            self._tell(Released(lease, LeaseOutcome.REVOKED))  # our first word may have been lost
            return
        if held_task.phase is Phase.COMPUTING:
            self._abandon(lease, now)
        self._release(held_task, LeaseOutcome.REVOKED)

    # ── the life of a lease ──────────────────────────────────────────────────────────────────────────────────────

    def _start_next(self, now: float) -> None:
        if not self.computation.is_idle:
            return
        self.computation.moved_at = now
        ready = (
            one for one in self.held_tasks.values()
            if one.phase is Phase.WAITING and not self.assets.missing(one.task.assets)
        )  # fmt: skip
        held_task = next(ready, None)
        if held_task is not None:
            assert held_task.chunk is not None
            self._out.append(Compute(held_task.task, held_task.chunk, self.assets.of(held_task.task.assets)))
            self.assets.trim(self._needed_assets())
            held_task.become(Phase.COMPUTING)
            held_task.chunk = None  # the compute thread's now
            self.computation.begin(held_task.task.lease)

    def _progressed(self, event: Progressed, now: float) -> None:
        held_task = self.held_tasks.get(event.lease)
        if held_task is not None and held_task.phase is Phase.COMPUTING:
            if event.steps != held_task.steps:
                self.computation.moved_at = now
            held_task.frames, held_task.steps = event.frames, event.steps

    def _ended(self, event: Computed | Failed | Stopped, now: float) -> None:
        was_abandoned = self.computation.end(event.lease)
        self._start_next(now)  # first of all: the core must not idle while a result is sent
        if was_abandoned:
            return
        held_task = self.held_tasks[event.lease]
        if isinstance(event, Computed):
            held_task.become(Phase.DELIVERING)
            held_task.result = event.result
            if self.peers.is_open(held_task.destination):
                self._send_result(held_task)
        else:
            self._release(held_task, LeaseOutcome.FAILED, event.cause if isinstance(event, Failed) else None)

    def _send_result(self, held_task: HeldTask) -> None:
        assert held_task.result is not None
        self._out.append(Send(held_task.destination, held_task.message(), held_task.result.payload))
        held_task.is_sent = True

    def _unsendable(self, event: Unsent) -> None:
        """Ends a task whose result breaks a limit of the wire: another try may make a smaller one."""
        held_task = self.held_tasks.get(event.lease)
        if held_task is not None and held_task.phase is Phase.DELIVERING:
            cause = Cause(text=f"its result cannot be sent: {event.reason}")
            self._release(held_task, LeaseOutcome.FAILED, cause)

    def _release(self, held_task: HeldTask, outcome: LeaseOutcome, cause: Cause | None = None) -> None:
        """The lease is over. The middleware is told now, or when it is back."""
        held_task.chunk = held_task.result = None
        held_task.is_sent = False
        released = Released(held_task.task.lease, outcome, cause)
        if self.peers.is_open(MIDDLEWARE):
            self._tell(released)
            del self.held_tasks[held_task.task.lease]
        else:
            held_task.become(Phase.RELEASING)
            held_task.released = released

    def _abandon(self, lease: Lease, now: float) -> None:
        self._out.append(Abandon(lease))
        self.computation.abandon(now)

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _advance(self, now: float) -> None:
        """Do what is due by now, and what the last event has made possible."""
        if self.is_exiting:
            return
        if self.computation.becomes_stuck(now):
            why = f"the computation of lease {self.computation.lease} does not stop: a new process is needed"
            self._end_for_good(now, why)
        if self._drain_by is not None:
            self._end_drain(now)
        else:
            self._start_next(now)
        if self.is_exiting:
            return
        for peer, link in self.peers.due(now):
            self._out.append(Dial(peer, link.addresses, self._hello(peer)))
        if self._beat_at <= now:
            self._beat(now)

    def _beat(self, now: float) -> None:
        if self.peers.is_open(MIDDLEWARE):
            self._beat_at = now + self.beat_interval_s
            beats = [held_task.beat() for held_task in self.held_tasks.values()]
            self._out.append(
                Send(MIDDLEWARE, Beat(beats, draining=self._drain_by is not None, drains=self._drains_heard))
            )

    def _end_for_good(self, now: float, why: str) -> None:
        """Drain, whatever the cluster wishes."""
        self._must_end = True
        self._drain(now, why)

    def _dismiss(self, now: float, *, wanted: bool) -> None:
        """Drain, because the cluster wishes it; or (`wanted` is False) go on after all, unless there is a reason of
        this machine's own to end."""
        self.is_dismissed = wanted
        self._drains_heard += 1
        if wanted:
            self._drain(now, "drained by the cluster")
        elif self._drain_by is not None and not self._must_end:
            self._drain_by = None
            self._log("the cluster lets it go on")
        self._beat(now)  # it is told what became of its wish, also where that changed nothing

    def _drain(self, now: float, why: str) -> None:
        if self._drain_by is not None:
            return
        self._drain_by = now + DRAIN_LIMIT_S
        self._log(f"{why}; {len(self.held_tasks)} leases held")
        self._beat(now)  # before anything is given back, so that nothing is handed out in its place
        for held_task in list(self.held_tasks.values()):
            if held_task.phase is Phase.WAITING:
                self._release(held_task, LeaseOutcome.DRAINED)

    def _end_drain(self, now: float) -> None:
        """Ends when nothing is left to finish; at the limit, what is left is handed back."""
        assert self._drain_by is not None
        left = [one for one in self.held_tasks.values() if one.phase is not Phase.RELEASING]
        if left and now < self._drain_by:
            return
        for held_task in left:
            if held_task.phase is Phase.COMPUTING:
                self._abandon(held_task.task.lease, now)
            self._release(held_task, LeaseOutcome.DRAINED)
        self._exit(EXIT_STUCK if self.computation.is_stuck else EXIT_DRAINED)

    def _exit(self, status: int) -> None:
        self.is_exiting = True
        self._out.append(Exit(status))

    def _tell(self, message: Released | AssetRequest) -> None:
        self._out.append(Send(MIDDLEWARE, message))

    def _log(self, text: str) -> None:
        if text:
            self._out.append(Log(text))


def _limit(value: float | None, default: float, least: float, most: float) -> float:
    """Return a number of a Welcome's limits, held within what makes sense."""
    return default if value is None else min(max(value, least), most)
