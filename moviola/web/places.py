"""Places that the users of a gateway share: so many in all, of which one user has some at most."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Places:
    """Places that are taken at once, or not at all.

    Args:
        most: in all.
        most_each: of these, one user's.
    """

    def __init__(self, most: int, most_each: int) -> None:
        self.most, self.most_each = most, most_each
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._taken.total()

    def of(self, user: str) -> int:
        """Return how many a user has."""
        return self._taken[user]

    def has_one_for(self, user: str) -> bool:
        """Return whether a user may take one."""
        return self.taken < self.most and self._taken[user] < self.most_each

    def take(self, user: str) -> bool:
        """Take one for a user; return False where there is none."""
        if not self.has_one_for(user):
            return False
        self._taken[user] += 1
        return True

    def give_back(self, user: str) -> None:
        """Give back one that a user has."""
        self._taken[user] -= 1
        self._taken += Counter()  # forgets users without any


class AwaitedPlaces:
    """Places that are waited for. A user who has all that one may have waits for those, and holds up nobody else.

    Args:
        most: in all.
        most_each: of these, one user's.
    """

    def __init__(self, most: int, most_each: int) -> None:
        self._most_each = most_each
        self._all = asyncio.Semaphore(most)
        self._of_user: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()  # of those who have or wait

    @asynccontextmanager
    async def one_for(self, user: str) -> AsyncIterator[None]:
        """Wait for a place for a user, and hold it during the block."""
        own = self._of_user.setdefault(user, asyncio.Semaphore(self._most_each))
        async with own, self._all:
            yield
