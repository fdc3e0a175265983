"""When to try again what failed, such as a connection or a process that ends, and when to give up. Pure: the time is
an argument."""

from __future__ import annotations

import math


class Backoff:
    """Delays that double with each failure, from `first_s` to `longest_s` seconds, until patience is at its end.

    Args:
        first_s: seconds between a first failure and the next try.
        longest_s: the longest delay in seconds.
        patience_s: seconds after the last sign of life for which failures are still worth a further try.
        due_at: when the first try is due; None where somebody else makes it.
    """

    def __init__(
        self, first_s: float, longest_s: float, patience_s: float = math.inf, due_at: float | None = None
    ) -> None:
        self.patience_s = patience_s
        self.due_at = due_at
        self._first_s, self._longest_s = first_s, longest_s
        self._delay_s = first_s
        self._alive_at: float | None = None

    def alive(self, now: float) -> None:
        """Count `now` as a sign of life: patience begins anew."""
        self._alive_at = now

    @property
    def gives_up_at(self) -> float | None:
        """Return when patience is at its end; None where it has none, or where nothing has failed or lived yet."""
        if self._alive_at is None or math.isinf(self.patience_s):
            return None
        return self._alive_at + self.patience_s

    def worked(self) -> None:
        """Make the next delay the shortest one again. Call it when there was real progress, not when a connection was
        merely accepted: a peer that accepts each one and ends it at once would be dialled without a pause."""
        self._delay_s = self._first_s

    def failed(self, now: float, *, share: float = 1.0, least_s: float = 0.0) -> bool:
        """Set `due_at` for the next try. Return False, and set nothing, when patience is at its end.

        Args:
            share: how much of the delay is waited, above 0 and up to 1; spreads the tries of many.
            least_s: seconds to wait at least, for this time.
        """
        if self._alive_at is None:
            self._alive_at = now
        if now - self._alive_at > self.patience_s:
            return False
        self.due_at = now + max(self._delay_s * share, least_s)
        self._delay_s = min(2 * self._delay_s, self._longest_s)
        return True

    def at_once(self, now: float) -> None:
        """Make the next try due now, and the delay after it a first one."""
        self.due_at = now
        self.worked()

    def take(self, now: float) -> bool:
        """Return True once when it is time to try."""
        if self.due_at is None or now < self.due_at:
            return False
        self.due_at = None
        return True
