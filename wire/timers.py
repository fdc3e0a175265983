"""Deadlines of many connections: the next one is known without a look at all of them."""

from __future__ import annotations

import heapq


class Timers:
    """One deadline a key; setting one costs O(log n), mostly less.

    A deadline that is moved later leaves its old entry in the heap, which is put right when its time comes: so there is
    one entry a key, however often it is moved, unless it is moved earlier.
    """

    def __init__(self) -> None:
        self._due: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []
        self._earliest: dict[int, float] = {}  # of a key's entries in the heap

    def __len__(self) -> int:
        return len(self._due)

    def set(self, key: int, at: float | None) -> None:
        """Sets, moves or (with None) clears a deadline."""
        if at is None:
            self._due.pop(key, None)
            return
        self._due[key] = at
        if at < self._earliest.get(key, float("inf")):
            self._push(key, at)

    def next(self) -> float | None:
        """The earliest deadline."""
        while self._heap:
            at, key = self._heap[0]
            due = self._due.get(key)
            if due == at:
                return at
            heapq.heappop(self._heap)
            if self._earliest.get(key) == at:
                del self._earliest[key]
                if due is not None:
                    self._push(key, due)
        return None

    def expired(self, now: float) -> list[int]:
        """The keys whose deadline has come, earliest first. They have none any more."""
        keys = []
        while (at := self.next()) is not None and at <= now:
            _, key = heapq.heappop(self._heap)
            del self._due[key], self._earliest[key]
            keys.append(key)
        return keys

    def _push(self, key: int, at: float) -> None:
        self._earliest[key] = at
        heapq.heappush(self._heap, (at, key))
