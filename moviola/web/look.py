"""One look at the cluster for all who ask within a moment: what each scrape and each page that is refreshed shares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

MAX_AGE_S: Final = 1.0
"""How old an answer may be. Metrics are scraped each 15 s or so, and pages are refreshed each second or two."""

T = TypeVar("T")


class SharedLook(Generic[T]):
    """Asks at most once in MAX_AGE_S, however many want to know. Whoever comes while it is asked waits for that answer,
    and a refusal is shared like one.

    Args:
        ask: returns an answer.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._task: asyncio.Task[T] | None = None
        self._asked_at = 0.0

    async def answer(self) -> T:
        """Return an answer that is no older than MAX_AGE_S. Raises what `ask` raised."""
        now = asyncio.get_running_loop().time()
        if self._task is None or (self._task.done() and now - self._asked_at >= MAX_AGE_S):
            self._asked_at = now
            self._task = asyncio.create_task(self._answer())
        return await asyncio.shield(self._task)  # whoever goes away does not take it from the others

    async def _answer(self) -> T:
        return await self._ask()
