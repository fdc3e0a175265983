"""The connection to the aggregator that has a job, for a brain: when it is dialled, and how patiently again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from moviola.session.events import Command, Dial, ServerRole
from moviola.session.redial import PATIENCE_S, redial
from moviola.wire.addresses import Address

NEVER_REACHED_S: Final = 120.0
"""How long an aggregator that has never given anything is dialled again: a machine that restarts is back by then, and
an address that does not work from here will not begin to. (One that has given something gets PATIENCE_S.)"""


class AggregatorLine:
    """Says when the aggregator is dialled, and where. After each connection that gave nothing the place changes: from
    the aggregator's own addresses to their ports at the middleware's host, and back. A cluster in containers may tell
    addresses that only its containers know; its ports are published at that host.

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
        """Return why the aggregator is not reached; empty while it gives what it is asked for."""
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
        """Note that the aggregator has given a part of what it was asked for: delays and patience begin anew."""
        self._has_given = True
        self._obstacles.clear()
        self._backoff.patience_s = PATIENCE_S
        self._backoff.alive(now)
        self._backoff.worked()

    def hung_up(self) -> None:
        """Note that the connection has ended while nothing was asked for over it; it is not made again by itself."""
        self.is_dialled = self.is_open = False

    def lost(self, reason: str, now: float) -> str:
        """Note that the connection has ended, or could not be made, while something is asked for; set when to dial
        again. Return why the aggregator is given up, or "" where it will be dialled again."""
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
