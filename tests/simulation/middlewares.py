"""The middleware of a simulated cluster: the real server, over a simulated network."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Final

from middleware.events import Command, Log, Send, StageKept
from middleware.ledger import MiddlewareLedger
from middleware.model.rules import Rules
from middleware.model.states import JobState
from middleware.server import Server as MiddlewareServer
from moviola.base.vocabulary import EventKind
from moviola.storage.spool import Spool
from moviola.wire.messages import EventRecord
from tests.simulation.network import Network
from tests.simulation.program import BUG, MIDDLEWARE, SEGMENT_BYTES, SPOOL_BYTES, TIGHT_SPOOL_BYTES, Disk, Program
from tests.simulation.world import World

VALIDATED_TURN: Final = 4
"""After every so many turns all indexes of a middleware are validated: they go on to disagree once they do."""

IDLE_CHECK_INTERVAL_S: Final = 0.5
"""How often a middleware is looked at in whose turns nothing moves; see `Middleware`."""


class Middleware(Program):
    """The real server. After a turn all oracles are asked, but where only time has passed: nothing arrived, no job
    changed its state, and nothing was commanded but records for those who watch. Such turns are a third to two thirds
    of all, and looked at now and then only."""

    def __init__(self, world: World, network: Network, folder: Path, rules: Rules) -> None:
        super().__init__("middleware", world, network)
        self.folder, self.rules = folder, rules
        self.disk = Disk(self)
        self.server: MiddlewareServer | None = None
        self._ids = count(1)
        self.spool_bytes = world.random.choice((SPOOL_BYTES, *TIGHT_SPOOL_BYTES))
        self.after_turn: Callable[[], None] = lambda: None
        self.on_stage_kept: Callable[[], None] = lambda: None
        self._has_moved = True
        self._states: dict[str, JobState] = {}  # of the jobs that are open
        self._checked_at = 0.0
        self._checks = 0  # since it started
        self.happened: dict[str, list[EventRecord]] = {}  # all events of each journal
        self.asked_again_for: set[str] = set()  # jobs of which accepted chunks had to be sent again

    def _begin(self) -> None:
        assert self.loop is not None
        self._ledger = MiddlewareLedger(self.folder / "ledger.sqlite")
        self._spool = Spool(self.folder / "spool", limit_bytes=self.spool_bytes, segment_bytes=SEGMENT_BYTES)
        self.server = MiddlewareServer(
            self.rules, self.loop, self._ledger, self._spool,  # type: ignore[arg-type]
            clock=self.world.clock, make_id=lambda name: f"{name[:40]}-{next(self._ids)}",
            make_journal=str,
        )  # fmt: skip
        dispatcher, cluster = self.server.dispatcher, self.server.dispatcher.cluster
        dispatcher.half_done = lambda: BUG  # type: ignore[method-assign]
        self.disk.wrap(self._ledger, self._spool)
        self.network.listening[MIDDLEWARE] = self.loop
        handle, note, stamp = dispatcher.handle, cluster.note, cluster.journal.stamp
        happened = self.happened.setdefault(cluster.journal.name, [])

        def stamped(unix_s: float) -> None:
            before = cluster.journal.last
            stamp(unix_s)
            happened.extend(entry.event for entry in cluster.journal.entries(before + 1, cluster.journal.last))

        self._has_moved, self._checks = True, 0

        def onlookers() -> set[int]:
            return cluster.watchers.keys() | cluster.subscriptions.keys()

        def handled(event: Any, now: float) -> list[Command]:
            commands = handle(event, now)
            if isinstance(event, StageKept):
                self.on_stage_kept()
            self._has_moved |= not all(
                isinstance(one, Log) or (isinstance(one, Send) and one.peer in onlookers()) for one in commands
            )
            return commands

        def noted(kind: EventKind, text: str, *more: Any, **named: Any) -> None:
            self.world.see(kind, f"middleware: {text}")
            if kind in (EventKind.CHUNK_LOST, EventKind.SOURCE_NEEDED):
                self.asked_again_for.add(more[0])
            note(kind, text, *more, **named)

        cluster.journal.stamp = stamped  # type: ignore[method-assign]
        dispatcher.handle = handled  # type: ignore[method-assign]
        cluster.note = noted  # type: ignore[method-assign]

    def _end(self) -> None:
        self._spool.close()
        self._ledger.close()
        self.server = None

    def _turn(self) -> None:
        assert self.server is not None
        assert self.loop is not None
        if self.death == "in-flush":
            self.loop.flush_limit = self.world.random.randrange(3)
        self._has_moved |= self.loop.has_arrivals
        self.server.turn()
        states = {job.id: job.state for job in self.server.dispatcher.cluster.open.values()}
        if self._has_moved or states != self._states or self.world.now >= self._checked_at + IDLE_CHECK_INTERVAL_S:
            self._has_moved, self._states, self._checked_at = False, states, self.world.now
            if self._checks % VALIDATED_TURN == 0:
                self.validate()
            self._checks += 1
            self.after_turn()

    def validate(self) -> None:
        """Raise AssertionError where its indexes disagree."""
        assert self.server is not None
        self.server.dispatcher.validate()

    def _deadline(self) -> float | None:
        assert self.server is not None
        return self.server.dispatcher.next_deadline()

    @property
    def is_dirty(self) -> bool:
        """Whether something is not committed yet."""
        return self._ledger.is_dirty

    def lose_payloads(self) -> None:
        """A file of its spool is gone, as after a power cut or a repair of the file system."""
        assert not self.is_alive
        files = sorted((self.folder / "spool").glob("*.segment"))
        if files:
            lost = self.world.random.choice(files)
            self.world.see("payloads-lost", f"{self.name}'s {lost.name} is lost")
            lost.unlink()

    def staged_segments(self) -> list[int]:
        """The segments of its spool that hold what lies between two workers."""
        stages = self.server._stages.values() if self.server is not None else ()
        return [location.segment for one in stages for location, _ in one.values()]

    @property
    def room_bytes(self) -> int:
        """What its spool could take."""
        return self._spool.room_bytes

    @property
    def spooled_bytes(self) -> int:
        """What its spool holds."""
        return self._spool.used_bytes

    def committed_chunks(self, job: str) -> int:
        """How many chunks of a job the ledger has."""
        [(count,)] = self._ledger._ledger.query("SELECT COUNT(*) FROM chunk WHERE job = ?", (job,))
        return int(count)
