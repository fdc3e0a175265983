"""The connection to the aggregator that has a job, for a brain: when it is dialled, and how patiently again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from moviola.session.events import Command, Dial, ServerRole
from moviola.session.redial import PATIENCE_S, redial
from moviola.wire.addresses import Address

NEVER_REACHED_S: Final = 120.0
"""How long an aggregator that never gave a byte is called: a machine that restarts is back by then, and an address that
is none from here will not become one. (One that did is waited for PATIENCE_S.)"""


class AggregatorLine:
    """Where it is reached at none of its addresses, their ports are tried at the middleware's own host: that of a
    cluster in containers knows names that nobody else knows, and its ports are published there.

    Args:
        addresses: where the aggregator may be; may be changed at any time.
    """

    def __init__(self, addresses: Sequence[Address] = ()) -> None:
        self.addresses = tuple(addresses)
        self.is_dialled = self.is_open = False
        self.at_middleware = False
        self._has_given = False  # this connection
        self._backoff = redial(NEVER_REACHED_S)
        self._obstacles: dict[bool, str] = {}  # why it is not reached, as told and at the middleware's host

    @property
    def trouble(self) -> str:
        """Return why nothing comes, while the aggregator is not reached."""
        return "; ".join(dict.fromkeys(self._obstacles.values()))

    @property
    def gives_up_at(self) -> float | None:
        """Return when the aggregator will not be called any more; None while nothing has failed."""
        return self._backoff.gives_up_at

    @property
    def redials_at(self) -> float | None:
        """Return when it is to be called again (s, monotonic); None where that is not due."""
        return self._backoff.due_at

    def dial(self) -> list[Command]:
        """Call it, unless that is done already."""
        if self.is_dialled:
            return []
        self.is_dialled, self._has_given = True, False
        return [Dial(ServerRole.AGGREGATOR, self.addresses, self.at_middleware)]

    def tick(self, now: float) -> list[Command]:
        """Call it again when it is time to."""
        return self.dial() if self._backoff.take(now) else []

    def gave(self, now: float) -> None:
        """It has given a part of what it was asked for."""
        self._has_given = True
        self._obstacles.clear()
        self._backoff.patience_s = PATIENCE_S
        self._backoff.alive(now)
        self._backoff.worked()

    def hung_up(self) -> None:
        """The connection has ended, and nothing was expected of it."""
        self.is_dialled = self.is_open = False

    def lost(self, reason: str, now: float) -> str:
        """The connection has ended, or was not made, though something is expected of it. Return why it is not called
        again; empty where it is."""
        self._obstacles[self.at_middleware] = reason
        if not self._has_given:
            self.at_middleware = not self.at_middleware
        self.hung_up()
        if self._backoff.failed(now):
            return ""
        return (
            f"the aggregator has not been reached for {self._backoff.patience_s:.0f} s ({self.trouble}); "
            "with --advertise HOST it tells others a host at which they reach it"
        )
