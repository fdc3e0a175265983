"""A cache for objects that no two threads may use at once, such as OpenCV's detectors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def once_per_thread(maxsize: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator that keeps what a function returned, for each thread its own.

    A worker computes in one thread; a job without a cluster may compute in several (moviola/media/computing.py).

    Args:
        maxsize: results that each thread keeps, those that were used last.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        kept = threading.local()

        @wraps(function)
        def cached(*args: P.args, **kwargs: P.kwargs) -> T:
            if not hasattr(kept, "function"):
                kept.function = lru_cache(maxsize)(function)
            found: T = kept.function(*args, **kwargs)
            return found

        return cached

    return decorate
