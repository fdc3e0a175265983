"""A connection that a worker makes again whenever it is lost: when to dial next, and when to say that it is away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from moviola.base.backoff import Backoff
from moviola.wire.addresses import Address
from moviola.wire.transitions import changed

from .states import LINK_TRANSITIONS, LinkState

RECONNECT_FIRST_S: Final = 0.1
"""Delay after a first failure, before jitter; each further one doubles it."""

MAX_RECONNECT_S: Final = 4.0
"""The longest delay: 2 000 workers then dial a middleware that is away 500 times a second, which is next to nothing,
and all are back within seconds of its return."""

STEADY_S: Final = 5.0
"""A connection that held for so long was a good one: the next failure is a first one again."""

SAY_AGAIN_S: Final = 30.0
"""How often a peer that is away is mentioned in the log, instead of once for each try."""


@dataclass(slots=True, eq=False)
class Link:
    """One peer's addresses and the state of the connection to it. Times are in seconds of the session's clock."""

    addresses: tuple[Address, ...]
    state: LinkState = LinkState.RESTING
    redial: Backoff = field(default_factory=lambda: Backoff(RECONNECT_FIRST_S, MAX_RECONNECT_S, due_at=0.0))
    opened_at: float = 0.0
    said_at: float | None = None
    said_code: str = ""

    @property
    def dial_at(self) -> float | None:
        """When to dial; None while it is not to be dialled."""
        return self.redial.due_at if self.state is LinkState.RESTING else None

    def dialled(self) -> None:
        """Take note that a connection is being made."""
        self.redial.due_at = None
        self.state = changed(LINK_TRANSITIONS, self.state, LinkState.DIALLING)

    def opened(self, now: float) -> None:
        """Take note that the connection is open since `now` (s, monotonic)."""
        self.state = changed(LINK_TRANSITIONS, self.state, LinkState.OPEN)
        self.opened_at, self.said_at = now, None

    def lost(self, now: float, jitter: float) -> None:
        """Rests until a later try. `jitter`, 0 to 1, spreads a fleet's tries over half to all of the delay."""
        if self.state is LinkState.OPEN and now - self.opened_at >= STEADY_S:
            self.redial.worked()
        self.state = changed(LINK_TRANSITIONS, self.state, LinkState.RESTING)
        self.redial.failed(now, share=0.5 + jitter / 2)

    def move(self, addresses: tuple[Address, ...], now: float) -> None:
        """Take the addresses at which the peer is said to be now, and have them dialled at once."""
        if self.state is not LinkState.RESTING:
            self.state = changed(LINK_TRANSITIONS, self.state, LinkState.RESTING)
        self.addresses = addresses
        self.redial.at_once(now)

    def worth_saying(self, code: str, now: float) -> bool:
        """Return True if its absence is to be mentioned in the log, which then counts as done. `code` is the peer's own
        reason, or empty: a new one is worth a line at once."""
        if self.said_at is not None and now - self.said_at < SAY_AGAIN_S and code == self.said_code:
            return False
        self.said_at, self.said_code = now, code
        return True
