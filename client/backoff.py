"""When to dial again, and when to give up."""

from __future__ import annotations

from typing import Final

FIRST_DELAY_S: Final = 0.2
MAX_DELAY_S: Final = 5.0
PATIENCE_S: Final = 600.0
"""How long a peer that was there once may be away: a machine that restarts, a person who mends a network."""


class Backoff:
    """Delays that double from FIRST_DELAY_S to MAX_DELAY_S, until `patience_s` after the last sign of life."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self.patience_s = patience_s
        self.due_at: float | None = None
        self._delay_s = FIRST_DELAY_S
        self._alive_at: float | None = None

    def alive(self, now: float) -> None:
        """The other side spoke: patience begins anew."""
        self._alive_at = now

    def worked(self) -> None:
        """What the connection is for went on: the next delay is the first one again. A peer that takes every call
        and ends it at once never gets here, and is not called in a fury."""
        self._delay_s = FIRST_DELAY_S

    def failed(self, now: float) -> bool:
        """Sets `due_at`, when to try again; False when patience is at its end."""
        if self._alive_at is None:
            self._alive_at = now
        if now - self._alive_at > self.patience_s:
            return False
        self.due_at = now + self._delay_s
        self._delay_s = min(2 * self._delay_s, MAX_DELAY_S)
        return True

    def take(self, now: float) -> bool:
        """True once when it is time to try."""
        if self.due_at is None or now < self.due_at:
            return False
        self.due_at = None
        return True
