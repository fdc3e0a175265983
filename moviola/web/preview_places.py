"""The places of previews: how many there are at a time, of each user and of all, and how large they may be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from anyio import CapacityLimiter

from moviola.web.places import Places
from moviola.web.problems import Problem
from moviola.web.receiving import Receiver
from moviola.wire.limits import MIB

MAX_PREVIEW_SIZE: Final = 48 * MIB
"""Bytes that a preview may bring: three pictures of 12 megapixels as PNG, or the beginning of a video."""

MAX_PREVIEWS: Final = 8
"""Previews at a time. Each holds a connection to the middleware and its results in memory."""

MAX_PREVIEWS_EACH: Final = 3
"""… of one user: the one that is looked at, and two that were just given up and are still being ended."""

RETRY_AFTER_S: Final = 1
"""What is told to whoever finds all places taken: a preview takes about a second."""


class PreviewPlaces:
    """Hands out places, and takes what previews bring.

    Args:
        limit: bytes that one may bring.
        threads: bounds the threads that write.
    """

    def __init__(self, limit: int, threads: CapacityLimiter) -> None:
        self.receiver = Receiver(limit, threads, "a preview may have: send smaller pictures, or fewer")
        self._places = Places(MAX_PREVIEWS, MAX_PREVIEWS_EACH)

    @contextmanager
    def place(self, user: str) -> Iterator[None]:
        """Hold a place for a user during the block. Raises Problem where there is none."""
        if not self._places.take(user):
            detail = f"{self._places.taken} previews are being made, {self._places.of(user)} of them yours; try again"
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS, detail, "too-many-previews", {"Retry-After": f"{RETRY_AFTER_S}"}
            )
        try:
            yield
        finally:
            self._places.give_back(user)
