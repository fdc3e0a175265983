"""A client that follows events, and knows what it must be told: everything, in order, or what of it it has missed."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from middleware.model.states import FINAL
from moviola.session.event_feed import EventFeed
from moviola.wire.events import Lost, Received
from moviola.wire.messages import (
    VERSIONS,
    EventRecord,
    Events,
    Hello,
    JobGlance,
    Message,
    Missed,
    Snapshot,
    Subscribe,
    Subscribed,
    Welcome,
)
from tests.simulation.network import Network
from tests.simulation.onlooker import USER
from tests.simulation.previewer import USER as PREVIEWER
from tests.simulation.program import MIDDLEWARE, Program
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.middlewares import Middleware

PAUSE_S: Final = 0.5
"""Between two connections."""

STATES_S: Final = (0.3, 1.0, 3.0, 10.0)
"""How long one that is sluggish reads, or does not."""

TOLD_ALL_S: Final = 15.0
"""How long one may take to be told all after the faults: a connection that was tried before may hang for 5 s of it."""

TOLD_S: Final = 5.0
"""How long a listener that reads may not have been told of an event."""


class Listener(Program):
    """Follows all events, and goes on behind the last one after each lost connection.

    Args:
        middleware: knows what has really happened.
        is_sluggish: now and then it does not read for a while.
    """

    def __init__(self, name: str, world: World, network: Network, middleware: Middleware, *, is_sluggish: bool) -> None:
        super().__init__(name, world, network)
        self._middleware, self._is_sluggish = middleware, is_sluggish
        self._random = Random(f"{name} of {world.seed}")
        self.feed = EventFeed()
        self._link: int | None = None
        self._dial_at = self._turn_over_at = 0.0
        self._reads_since = 0.0  # or has asked anew
        self._journal, self._next = "", 0  # where the next event must stand
        self._states: dict[str, str] = {}  # of jobs, as events and catching up tell them
        self._heard: dict[str, str] = {}  # … as the events of this journal alone do
        self._has_baseline = False
        self._gap_since: float | None = None  # a snapshot must follow
        self._glances: list[JobGlance] = []

    def _begin(self) -> None:
        self._link, self._dial_at, self._turn_over_at = None, self.world.now, self.world.now

    def _end(self) -> None:
        self.network.not_reading.discard(self.name)

    def _turn(self) -> None:
        assert self.loop is not None
        for event in self.loop.turn():
            if isinstance(event, Lost):
                self._link, self._dial_at = None, self.world.now + PAUSE_S
                self.feed.lost(event.reason, self.world.now)
            elif isinstance(event, Received) and isinstance(event.message, Welcome):
                self.loop.send(event.connection, self._request())
            elif isinstance(event, Received):
                self.hear(event.message)
        if self._link is None and self.world.now >= self._dial_at:
            self._dial_at = self.world.now + PAUSE_S
            self._link = self.loop.dial([MIDDLEWARE], Hello("client", self.name, "s", list(VERSIONS), user=USER))
        if self._is_sluggish and self.world.now >= self._turn_over_at:
            self._turn_over_at = self.world.now + self._random.choice(STATES_S)
            self.network.not_reading ^= {self.name}
            self._reads_since = self.world.now
        self.loop.flush()

    def _deadline(self) -> float | None:
        dial_at = self._dial_at if self._link is None else None
        return min((at for at in (dial_at, self._turn_over_at if self._is_sluggish else None) if at), default=None)

    def _request(self) -> Subscribe:
        self._reads_since = self.world.now
        request = self.feed.request()
        position = self.feed.position
        assert (request.journal, request.number) == (tuple(position) if position else ("", 0))
        return request

    # ── what must be told ────────────────────────────────────────────────────────────────────────────────────────

    def hear(self, message: Message) -> None:
        self._heard_of(message)
        self._take(message)

    def _heard_of(self, message: Message) -> None:
        """Nothing is left out or told twice on the wire, and each thing is as it happened."""
        if isinstance(message, Subscribed):
            if message.journal == self._journal:
                assert message.number + 1 == self._next, f"{self.name} goes on at {message.number}, not {self._next}"
            else:
                assert not self._journal or message.number == 0, "events of the new journal are left out"
                self._heard = {}
            self._journal, self._next, self._glances = message.journal, message.number + 1, []
            self._gap_since = self.world.now
        elif isinstance(message, Missed):
            assert message.first == self._next <= message.last, f"{self.name} waits for {self._next}: {message}"
            self._next = message.last + 1
            self._heard, self._gap_since = {}, self.world.now
            self.world.see("missed", f"{self.name} has missed events {message.first} to {message.last}")
        elif isinstance(message, Events):
            for record in message.events:
                self._event(record)
        elif isinstance(message, Snapshot):
            assert not any(one.user == PREVIEWER for one in message.jobs), (
                f"{self.name} is told of a preview: {message}"
            )
            self._glances += message.jobs
            if message.last:
                self._snapshot(message.number)

    def _event(self, record: EventRecord) -> None:
        assert record.user != PREVIEWER, f"{self.name} is told of a preview: {record}"
        if record.number == 0:
            return
        assert record.number == self._next, f"{self.name} is told event {record.number}, and waits for {self._next}"
        happened = self._middleware.happened[self._journal][record.number - 1]
        assert record == happened, f"{self.name} is told {record}, and it was {happened}"
        self._next += 1
        if record.kind == "job-forgotten":
            self._heard.pop(record.job, None)
        elif record.job:
            self._heard[record.job] = record.state

    def _snapshot(self, number: int) -> None:
        """It tells what all events so far have led to, and no event more."""
        assert number + 1 == self._next, f"a snapshot of event {number} comes to {self.name} before {self._next}"
        glances, self._glances = {one.job: one.state for one in self._glances}, []
        for job, state in self._heard.items():
            if job in glances and (state in FINAL or glances[job] in FINAL):
                assert glances[job] == state, f"job {job} is {glances[job]} in a snapshot, and {state} by events"
        self._gap_since = None
        self.world.see("snapshot", f"{self.name} is told the state after event {number}")
        if not self._has_baseline:
            self._has_baseline, self._states = True, glances

    def _take(self, message: Message) -> None:
        for event in self.feed.take(message, self.world.now):
            if event.is_caught_up:
                self.world.see("caught-up", f"{self.name}: {event.text}")
            if event.kind == "job-forgotten":
                self._states.pop(event.job, None)
            elif event.job:
                self._states[event.job] = event.state

    def check_lag(self) -> None:
        """Whoever reads is told soon, whoever else does not."""
        server = self._middleware.server
        if server is None or self.name in self.network.not_reading:
            return
        cluster, now = server.dispatcher.cluster, self.world.now
        for subscription in cluster.subscriptions.values():
            if cluster.clients[subscription.peer].name == self.name and subscription.told < cluster.journal.last:
                number = max(subscription.told + 1, cluster.journal.first)
                (waiting,) = cluster.journal.entries(number, number)
                lag_s = now - max(waiting.event.unix_s, self._reads_since, self._middleware.resumed_at)
                assert lag_s < TOLD_S, f"{self.name} is not told of {waiting.event} for {lag_s:.1f} s"

    def read_on(self) -> None:
        """Read all the time from now on."""
        self._is_sluggish = False
        if self.name in self.network.not_reading:
            self.network.not_reading.discard(self.name)
            self._reads_since = self.world.now

    @property
    def has_been_told_all(self) -> bool:
        """Whether all events so far have arrived, or that they were missed, and the whole snapshot that follows then.
        Where there is no middleware, there is nothing to wait for."""
        server = self._middleware.server
        if server is None:
            return True
        journal = server.dispatcher.cluster.journal
        return (self._journal, self._next) == (journal.name, journal.last + 1) and self._gap_since is None

    def check_states(self) -> None:
        """One that has had the time to be told all has been, and knows how all jobs have ended."""
        server = self._middleware.server
        if server is None:
            return
        cluster = server.dispatcher.cluster
        newest = f"event {cluster.journal.last} of journal {cluster.journal.name}"
        known = f"waits for event {self._next} of journal {self._journal}, and for a snapshot since {self._gap_since}"
        assert self.has_been_told_all, f"{newest} was the last, and {self.name} {known}"
        for job in cluster.jobs.values():
            state = self._states.get(job.id, "")
            if {state, job.state} & FINAL:
                assert state == job.state, f"{self.name} knows {job.id} as {state!r}, and it is {job.state}"
