"""The room of the spool, and which part of it a user may have."""

from __future__ import annotations

from collections import Counter

from .rules import Rules
from .users import Resource, User


class Room:
    """What the spool can still take: `free_bytes`, as the shell says at the end of each turn.

    Args:
        held: what all users hold together.
    """

    def __init__(self, rules: Rules, held: Counter[Resource]) -> None:
        self._rules, self._held = rules, held
        self.free_bytes = 0

    @property
    def is_scarce(self) -> bool:
        """Whether the spool has less room than a single client may want, beside what is reserved."""
        return self.free_bytes - self.reserved_bytes < self._rules.client_window_bytes

    @property
    def held_bytes(self) -> int:
        """What the spool holds of all jobs together."""
        return self._held[Resource.SPOOL_BYTES]

    @property
    def spool_bytes(self) -> int:
        """What the spool can hold, for all jobs together."""
        return self.free_bytes + self.held_bytes

    @property
    def reserved_bytes(self) -> int:
        """The part of the room that only users get who hold less than a window: a few windows, but not most of it."""
        return min(self._rules.reserved_windows * self._rules.client_window_bytes, self.spool_bytes // 4)

    def of(self, user: User) -> int:
        """The room that there is for a user."""
        return max(0, self.free_bytes - (self.reserved_bytes if self.holds_much(user) else 0))

    def holds_much(self, user: User) -> bool:
        """Return whether a user gets nothing of the room that is kept for others."""
        return user.held[Resource.SPOOL_BYTES] >= self._rules.client_window_bytes
