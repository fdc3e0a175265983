"""A worker that means ill: it does its tasks, and says things beside that which are not so.

It shows results that nobody asked for, that others were asked for, that nobody can read, or that it has delivered
before; says that something is stored which it threw away; and claims leases that others hold. It makes no wrong pixels
under a lease of its own: nothing guards against that. None of what it says may do harm to a job, and others are to be
blamed for none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from moviola.wire.messages import HandOn, HeldLease, Hello, Released, Result, Stored, Task, Welcome
from moviola.wire.schema import Lease
from tests.simulation import material
from tests.simulation.workers import Worker
from worker import events as worker_events
from worker.held_task import HeldTask

FORGED: Final = b"forged"
"""What its made-up results hold; no file may."""

MAX_THROWN_AWAY: Final = 2
"""Tasks of which it says falsely that they are stored: each costs a delivery timeout."""


MAX_UNREADABLE: Final = 2
"""Tasks for which it delivers what makes no file: fewer than would have them done without their filters."""


MAX_REPEATED: Final = 8
"""Results that it shows again and again."""


class Liar(Worker):
    """See the module. `others` are the workers from whom it has stolen what they know."""

    others: list[Worker]
    lies: bool = True
    _thrown_away = 0
    _unreadable = 0
    _delivered: tuple[worker_events.Send, ...] = ()  # the last results that were what they should be

    def _happened(self, event: Any) -> None:
        message = getattr(event, "message", None)
        if isinstance(message, Stored) and message.verdict == "refused":
            return  # of a forged one; the true one follows
        if isinstance(message, Task) and self._wants(0.3) and self._thrown_away < MAX_THROWN_AWAY:
            self._thrown_away += 1
            assert self.loop is not None
            self.world.see("lie-stored", f"{self.name} says that {message.lease} is stored")
            self.loop.send(event.connection, Released(message.lease, "stored"))
            return
        peer = self._peers.get(event.connection, "")
        super()._happened(event)
        if peer and isinstance(message, Welcome):
            self._repeat(peer)
        elif isinstance(message, Task) and self._wants(0.7):
            self._repeat(message.owner)

    def _execute(self, command: worker_events.Command) -> None:
        match command:
            case worker_events.Send(peer, Result() | HandOn() as message) if self._wants(0.7):
                for forged in self._forged(message):
                    super()._execute(worker_events.Send(peer, forged, FORGED))
                command = self._spoiled(message, command)
            case worker_events.Dial(peer, addresses, hello) if not peer and self._wants(0.7):
                command = worker_events.Dial(peer, addresses, self._claiming(hello))
        super()._execute(command)
        match command:
            case worker_events.Send(_, Result(), payload) if payload != material.UNREADABLE:
                self._delivered = (*self._delivered, command)[-MAX_REPEATED:]

    def _spoiled(self, message: Result | HandOn, command: worker_events.Send) -> worker_events.Send:
        """Its result, which it was asked for, or something in its place that nobody can read."""
        is_result = isinstance(message, Result) and message.mode == "filter"
        if not is_result or self._unreadable >= MAX_UNREADABLE or not self._wants(0.3):
            return command
        self._unreadable += 1
        self.world.see("lie-unreadable", f"{self.name} delivers what cannot be read under {message.lease}")
        return replace(command, payload=material.UNREADABLE)

    def _repeat(self, peer: str) -> None:
        """Its last results once more, to a store that it is connected to: also when their job has begun again."""
        for old in self._delivered if self.session is not None and self.session.peers.is_open(peer) else ():
            self.world.see("lie-repeated", f"{self.name} shows once more: {old.message}")
            super()._execute(replace(old, peer=peer))

    def _wants(self, chance: float) -> bool:
        return self.lies and self.world.random.random() < chance

    def _forged(self, message: Result | HandOn) -> list[Result | HandOn]:
        """Messages that look like its own next one."""
        self.world.see("lie-result", f"{self.name} forges results beside that of {message.lease}")
        if isinstance(message, HandOn):
            return [replace(message, tag=bytes(32)), replace(message, lease=Lease(1, 10**9))]
        stolen = [
            replace(
                message, **{name: getattr(task, name) for name in ("lease", "index", "mode", "stage", "build", "tag")}
            )
            for task in (one.task for one in self._stolen())
            if (task.job, task.track, task.owner_epoch) == (message.job, message.track, message.owner_epoch)
        ]
        return [
            replace(message, tag=bytes(32)),
            replace(message, lease=Lease(1, 10**9)),
            replace(message, index=message.index + 1),
            replace(message, build="invented"),
            replace(message, lease=Lease(1, 10**9), build="invented", tag=b""),
            *stolen,
        ]

    def _claiming(self, hello: Hello) -> Hello:
        """A Hello with leases that others hold."""
        held = [HeldLease.from_wire(one.held().to_wire()) for one in self._stolen()]
        made_up = [replace(one, lease=Lease(one.lease.epoch, one.lease.sequence + 1)) for one in held]
        if held:
            self.world.see("lie-held", f"{self.name} claims {', '.join(str(one.lease) for one in held)}")
        claimed = [one.to_wire() for one in (*held, *made_up)]
        return replace(hello, details={**hello.details, "held": [*hello.details["held"], *claimed]})

    def _stolen(self) -> Iterator[HeldTask]:
        """What others hold, now or when they died last."""
        for one in self.others:
            if one.session is not None:
                yield from one.session.held_tasks.values()
