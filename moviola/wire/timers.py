"""Deadlines by key, a connection's id for example; the next one is found without a search."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Timers(Generic[K]):
    """Keeps one deadline for each key; setting one costs O(log n) at most.

    A deadline that is moved later leaves its old entry in the heap, which is corrected when its time comes. So there is
    one entry for each key, however often its deadline is moved, unless it is moved earlier.
    """

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._earliest: dict[K, float] = {}  # of a key's entries in the heap
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._due)

    def due(self, key: K) -> float | None:
        """Return the deadline of a key; None if it has none."""
        return self._due.get(key)

    def set(self, key: K, at: float | None) -> None:
        """Set, move or clear the deadline of a key.

        Args:
            key: whose deadline it is.
            at: monotonic seconds; None clears the deadline.
        """
        if at is None:
            self._due.pop(key, None)
            return
        self._due[key] = at
        if at < self._earliest.get(key, float("inf")):
            self._push(key, at)

    def next(self) -> float | None:
        """Return the earliest deadline; None if there is none."""
        while self._heap:
            at, _, key = self._heap[0]
            due = self._due.get(key)
            if due == at:
                return at
            heapq.heappop(self._heap)
            if self._earliest.get(key) == at:
                del self._earliest[key]
                if due is not None:
                    self._push(key, due)
        return None

    def expired(self, now: float) -> list[K]:
        """Return the keys whose deadline has come, earliest first, and clear their deadlines."""
        keys = []
        while (at := self.next()) is not None and at <= now:
            _, _, key = heapq.heappop(self._heap)
            del self._due[key], self._earliest[key]
            keys.append(key)
        return keys

    def _push(self, key: K, at: float) -> None:
        self._earliest[key] = at
        heapq.heappush(self._heap, (at, next(self._numbers), key))
