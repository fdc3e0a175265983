"""Whether one more connection may be accepted, and which unfinished handshake has to end for it.

There are no sockets in this module.
"""

from __future__ import annotations

from moviola.wire import limits
from moviola.wire.places import Handshakes


class Admission:
    """Decides who is accepted if places are short.

    Args:
        max_connections: connections that may be open at the same time, those that this side made included.
        max_handshakes: accepted connections whose handshake is not finished.
    """

    def __init__(self, max_connections: int, max_handshakes: int) -> None:
        self.max_connections = max_connections
        self.handshakes = Handshakes(max_handshakes)
        self.paused_until: float | None = None  # None: connections are accepted

    def has_place(self, connection_count: int, now: float) -> bool:
        """Return True if one more connection may be accepted; if not, accepting pauses.

        If all places are taken, the oldest unfinished handshake may be ended for it, so silent peers keep nobody out.
        """
        if self.paused_until is not None:
            return False
        if connection_count < self.max_connections:
            return True
        oldest = self.handshakes.oldest()
        if oldest is not None:
            return self._had_its_time(oldest, now)
        self.pause(now + limits.ACCEPT_PAUSE_S)
        return False

    def displaced(self, connection_count: int) -> int | None:
        """Return the connection that loses its place to one that was just accepted; None if there is a free place."""
        return None if connection_count < self.max_connections else self.handshakes.oldest()

    def surplus(self, host: str, now: float) -> int | None:
        """Return an unfinished handshake that has to end because there are too many; None if there is none.

        If it has only just begun it is spared, and accepting pauses.

        Args:
            host: the address from which a connection was just accepted; its own limit is checked first.
            now: monotonic seconds.
        """
        surplus = self.handshakes.surplus(host)
        return surplus if surplus is not None and self._had_its_time(surplus, now) else None

    def pause(self, until: float) -> None:
        """Accept nobody until then. Those who wait keep waiting in the system's queue."""
        self.paused_until = until

    def resume(self, now: float) -> None:
        """End a pause whose time is over."""
        if self.paused_until is not None and self.paused_until <= now:
            self.paused_until = None

    def _had_its_time(self, unfinished: int, now: float) -> bool:
        """Return True if a handshake may be ended. If it needs more time, pause accepting until then."""
        at = self.handshakes.grace_ends_at(unfinished)
        if at > now:
            self.pause(at)
        return at <= now
