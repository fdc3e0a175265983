"""Time, chance and the story of one simulated run."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable
from random import Random
from typing import Final

STORY_LINES: Final = 4000
"""The last lines of a run's story that are kept."""

MAX_STEPS: Final = 400_000
"""Steps of one run; more of them mean that programs chase each other without end."""


class World:
    """A queue of things that will happen, in the order of simulated time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.now = 1000.0
        self.story: deque[str] = deque(maxlen=STORY_LINES)
        self.steps = 0
        self.seen: Counter[str] = Counter()  # what has happened, by kind
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0

    def clock(self) -> float:
        """Monotonic seconds, for the programs."""
        return self.now

    def tell(self, text: str) -> None:
        """One line of the story."""
        self.story.append(f"{self.now - 1000:9.3f}  {text}")

    def see(self, kind: str, text: str) -> None:
        """Something worth counting has happened: a run that never sees it has not tried the rules about it."""
        self.seen[kind] += 1
        self.tell(text)

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Lets something happen after a delay; what was asked for first happens first."""
        self._order += 1
        heapq.heappush(self._queue, (self.now + max(delay_s, 0.0), self._order, action))

    def run(self, until: float, condition: Callable[[], bool] = lambda: False) -> bool:
        """Lets time pass until `until` or until `condition`; returns whether the condition came."""
        while self._queue and self._queue[0][0] <= until:
            if condition():
                return True
            self.now, _, action = heapq.heappop(self._queue)
            self.steps += 1
            assert self.steps < MAX_STEPS, "the programs do not come to rest"
            action()
        self.now = max(self.now, until)
        return condition()
