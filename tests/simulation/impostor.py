"""Somebody who uses the names of others: whatever it says it is, it ends no connection but its own."""

from __future__ import annotations

from typing import Any

from moviola.wire.addresses import Address
from moviola.wire.messages import VERSIONS, AggregatorDetails, Hello, Welcome, WorkerDetails
from tests.simulation.network import SimLoop
from tests.simulation.program import MIDDLEWARE, Program

PATIENCE_S = 8.0
"""How long it stays where it was let in, at most: long enough to be in the way of whoever has the name."""


class Impostor(Program):
    """Joins the middleware once, as a worker or an aggregator, and then says nothing more."""

    def claim(self, role: str, name: str, store: str = "") -> None:
        """Joins under a name that is another's, without knowing its token."""
        details: Any = WorkerDetails([{"name": "blur"}], ["audio"], 1, "build 0")
        if role == "aggregator":
            details = AggregatorDetails(store or "a store of its own", [Address("nowhere", 1)])
        self.world.tell(f"somebody joins as {role} {name} {store}")
        loop = SimLoop(self.name, self.network, lambda: None)
        token = f"token {self.world.random.random()}"
        hello = Hello(role, name, "session", list(VERSIONS), details=details.to_wire(), token=token)
        loop.dial([MIDDLEWARE], hello)
        self.world.later(self.world.random.uniform(0.5, PATIENCE_S), lambda: self._leave(loop))

    def _leave(self, loop: SimLoop) -> None:
        if any(isinstance(getattr(event, "message", None), Welcome) for event in loop.turn()):
            self.world.see("impostor", "the impostor was let in, and leaves")
        loop.shut()
